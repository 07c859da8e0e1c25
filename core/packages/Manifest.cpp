#include "core/packages/Manifest.h"

#include "core/base/Defence.h"
#include "core/config/Yaml.h"

#include <QJsonArray>
#include <QRegularExpression>
#include <QSet>

using namespace Qt::StringLiterals;

namespace sb::packages {

using config::YamlNode;

namespace {

constexpr qsizetype longestName = 64;
constexpr qsizetype longestPath = 200;
constexpr qsizetype longestDescription = 2000;
constexpr int mostCapabilities = 100;
constexpr int mostTools = 64;

QString fileName()
{
    return QString::fromUtf16(manifestFile);
}

std::unexpected<Error> wrong(const YamlNode& node, const QString& message)
{
    return config::yamlError(fileName(), node.line, node.column, message);
}

Result<> onlyKeys(const YamlNode& map, const QStringList& known)
{
    if (map.kind != YamlNode::Kind::Map) {
        return wrong(map, u"keys and values belong here"_s);
    }
    for (const auto& pair : map.pairs) {
        if (!known.contains(pair.key.text)) {
            return wrong(pair.key,
                         u"\"%1\" is not known here; known are %2"_s.arg(pair.key.text.left(60),
                                                                         known.join(u", "_s)));
        }
    }
    return {};
}

Result<QString> textAt(const YamlNode& map, const QString& key, qsizetype longest)
{
    const YamlNode* node = map.find(key);
    if (node == nullptr) {
        return wrong(map, u"\"%1\" is missing"_s.arg(key));
    }
    const QString text = node->text.trimmed();
    if (node->kind != YamlNode::Kind::Scalar || text.isEmpty() || text.size() > longest) {
        return wrong(*node, u"\"%1\" must be a text of 1 to %2 characters"_s.arg(key).arg(longest));
    }
    const bool hasControl = std::ranges::any_of(text, [](QChar c) {
        return c.category() == QChar::Other_Control && c != u'\n' && c != u'\t';
    });
    if (hasControl) {
        return wrong(*node, u"\"%1\" holds control characters"_s.arg(key));
    }
    return text;
}

Result<QString> nameAt(const YamlNode& map, const QString& key)
{
    SB_TRY(const auto name, textAt(map, key, longestName));
    if (const auto problem = nameProblem(name);
        !problem.isEmpty() && defended("packages.canonical-names")) {
        return wrong(*map.find(key), u"\"%1\" %2"_s.arg(key, problem));
    }
    return name;
}

Result<QVersionNumber> versionAt(const YamlNode& map, const QString& key)
{
    static const QRegularExpression shape(
        u"\\A(0|[1-9][0-9]{0,5})(\\.(0|[1-9][0-9]{0,5})){2}\\z"_s);
    SB_TRY(const auto text, textAt(map, key, 32));
    if (!shape.match(text).hasMatch()) {
        return wrong(*map.find(key), u"\"%1\" must be three numbers such as 1.2.0"_s.arg(key));
    }
    return QVersionNumber::fromString(text);
}

Result<const YamlNode*> listAt(const YamlNode& map, const QString& key, qsizetype most)
{
    const YamlNode* node = map.find(key);
    if (node == nullptr) {
        return nullptr;
    }
    if (node->kind != YamlNode::Kind::List) {
        return wrong(*node, u"\"%1\" must be a list"_s.arg(key));
    }
    if (qsizetype(node->items.size()) > most) {
        return wrong(*node, u"\"%1\" may have %2 entries"_s.arg(key).arg(most));
    }
    return node;
}

Result<QList<FileEntry>> filesOf(const YamlNode& map, Stage stage)
{
    SB_TRY(const auto* list, listAt(map, u"files"_s, Caps().files));
    QList<FileEntry> files;
    if (list == nullptr) {
        return stage == Stage::Draft
                   ? Result<QList<FileEntry>>(files)
                   : Result<QList<FileEntry>>(wrong(map, u"\"files\" is missing"_s));
    }
    QSet<QString> seen;
    for (const auto& item : list->items) {
        SB_CHECK(onlyKeys(item, {u"path"_s, u"sha256"_s}));
        SB_TRY(const auto path, textAt(item, u"path"_s, longestPath));
        SB_TRY(const auto hash, textAt(item, u"sha256"_s, 64));
        if (defended("packages.paths")) {
            if (const auto problem = pathProblem(path); !problem.isEmpty()) {
                return wrong(*item.find(u"path"), u"the path \"%1\" %2"_s.arg(path, problem));
            }
            // Two files here would be one where capitals do not count.
            if (seen.contains(path.toLower())) {
                return wrong(item, u"the file \"%1\" stands here twice"_s.arg(path));
            }
        }
        seen.insert(path.toLower());
        static const QRegularExpression hex(u"\\A[0-9a-f]{64}\\z"_s);
        if (!hex.match(hash).hasMatch()) {
            return wrong(*item.find(u"sha256"), u"\"sha256\" must be 64 hexadecimal digits"_s);
        }
        files.append({path, QByteArray::fromHex(hash.toLatin1())});
    }
    return files;
}

Result<QStringList> capabilitiesOf(const YamlNode& map)
{
    static const QRegularExpression shape(u"\\A[a-z][a-z0-9_]{0,63}(:[\\x21-\\x7e]{1,200})?\\z"_s);
    SB_TRY(const auto* list, listAt(map, u"capabilities"_s, mostCapabilities));
    QStringList capabilities;
    if (list == nullptr) {
        return capabilities;
    }
    for (const auto& item : list->items) {
        if (item.kind != YamlNode::Kind::Scalar || !shape.match(item.text).hasMatch()) {
            return wrong(item, u"a capability is a name such as fs_read, or net_fetch:host:port"_s);
        }
        capabilities.append(item.text);
    }
    capabilities.sort();
    capabilities.removeDuplicates();
    return capabilities;
}

QJsonValue jsonOf(const YamlNode& node)
{
    switch (node.kind) {
    case YamlNode::Kind::Null:
        return QJsonValue::Null;
    case YamlNode::Kind::List: {
        QJsonArray array;
        for (const auto& item : node.items) {
            array.append(jsonOf(item));
        }
        return array;
    }
    case YamlNode::Kind::Map: {
        QJsonObject object;
        for (const auto& pair : node.pairs) {
            object.insert(pair.key.text, jsonOf(pair.value));
        }
        return object;
    }
    case YamlNode::Kind::Scalar:
        break;
    }
    if (node.quoted) {
        return node.text;
    }
    if (node.text == u"true" || node.text == u"false") {
        return node.text == u"true";
    }
    bool isNumber = false;
    const double number = node.text.toDouble(&isNumber);
    return isNumber && qIsFinite(number) ? QJsonValue(number) : QJsonValue(node.text);
}

template <class T>
Result<> readLimit(const YamlNode& map, const QString& key, T most, T& value)
{
    const YamlNode* node = map.find(key);
    if (node == nullptr) {
        return {};
    }
    bool isNumber = false;
    const qint64 number = node->text.toLongLong(&isNumber);
    if (!isNumber || number < 1 || number > qint64(most)) {
        return wrong(*node, u"\"%1\" must be a number from 1 to %2"_s.arg(key).arg(most));
    }
    value = T(number);
    return {};
}

Result<ToolEntry> toolOf(const YamlNode& item, const QList<FileEntry>& files, Stage stage)
{
    static const QRegularExpression shape(u"\\A[a-z][a-z0-9_]{0,63}\\z"_s);
    SB_CHECK(onlyKeys(item, {u"name"_s, u"description"_s, u"schema"_s, u"module"_s, u"limits"_s}));
    ToolEntry tool;
    SB_TRY(tool.name, textAt(item, u"name"_s, longestName));
    if (!shape.match(tool.name).hasMatch()) {
        return wrong(*item.find(u"name"),
                     u"a tool's name is made of lower-case letters, digits and _"_s);
    }
    SB_TRY(tool.description, textAt(item, u"description"_s, longestDescription));
    SB_TRY(tool.module, textAt(item, u"module"_s, longestPath));
    const bool listed = std::ranges::contains(files, tool.module, &FileEntry::path);
    if (!tool.module.endsWith(u".wasm") || (!listed && stage == Stage::Final)) {
        return wrong(*item.find(u"module"), u"\"module\" must be a .wasm file among \"files\""_s);
    }
    const YamlNode* schema = item.find(u"schema");
    if (schema == nullptr || schema->kind != YamlNode::Kind::Map) {
        return wrong(item, u"\"schema\" must be a JSON Schema of the tool's arguments"_s);
    }
    tool.schema = jsonOf(*schema).toObject();
    if (const YamlNode* limits = item.find(u"limits")) {
        SB_CHECK(
            onlyKeys(*limits, {u"instructions"_s, u"seconds"_s, u"memory_mb"_s, u"output_kb"_s}));
        SB_CHECK(readLimit(
            *limits, u"instructions"_s, qint64(100'000'000'000), tool.limits.instructions));
        SB_CHECK(readLimit(*limits, u"seconds"_s, 600, tool.limits.seconds));
        SB_CHECK(readLimit(*limits, u"memory_mb"_s, 1024, tool.limits.memoryMb));
        SB_CHECK(readLimit(*limits, u"output_kb"_s, 16'384, tool.limits.outputKb));
    }
    return tool;
}

Result<YamlNode> rootOf(const QByteArray& yaml)
{
    if (defended("packages.manifest-size") && yaml.size() > Caps().manifestBytes) {
        return fail(ErrorCode::InvalidInput,
                    u"%1 is larger than %2 KiB."_s.arg(fileName()).arg(Caps().manifestBytes >> 10));
    }
    SB_TRY(auto root, config::readYaml(yaml, fileName()));
    if (root.kind != YamlNode::Kind::Map) {
        return wrong(root, u"a manifest is made of keys and values"_s);
    }
    return root;
}

} // namespace

QString kindName(Kind kind)
{
    switch (kind) {
    case Kind::Skill:
        return u"skill"_s;
    case Kind::Hand:
        return u"hand"_s;
    case Kind::Agent:
        return u"agent"_s;
    }
    return {};
}

std::optional<Kind> kindFromName(QStringView name)
{
    for (const Kind kind : {Kind::Skill, Kind::Hand, Kind::Agent}) {
        if (kindName(kind) == name) {
            return kind;
        }
    }
    return std::nullopt;
}

QString Manifest::title() const
{
    return u"%1 %2/%3 %4"_s.arg(kindName(kind), publisher, name, version.toString());
}

QString nameProblem(const QString& name)
{
    static const QRegularExpression shape(u"\\A[a-z0-9]+(-[a-z0-9]+)*\\z"_s);
    if (name.size() > longestName) {
        return u"is longer than %1 characters"_s.arg(longestName);
    }
    return shape.match(name).hasMatch()
               ? QString()
               : u"is made of the letters a to z, digits and single hyphens between them"_s;
}

QString pathProblem(const QString& path)
{
    static const QRegularExpression shape(u"\\A[A-Za-z0-9_][A-Za-z0-9._+-]*\\z"_s);
    static const QRegularExpression device(
        u"\\A(con|prn|aux|nul|clock\\$|com[0-9]|lpt[0-9])(\\..*)?\\z"_s,
        QRegularExpression::CaseInsensitiveOption);
    if (path.size() > longestPath) {
        return u"is longer than %1 characters"_s.arg(longestPath);
    }
    const auto parts = path.split(u'/');
    if (parts.size() > Caps().depth + 1) {
        return u"is nested too deeply"_s;
    }
    for (const QString& part : parts) {
        if (!shape.match(part).hasMatch() || part.endsWith(u'.') || part.contains(u".."_s)) {
            return u"is not a plain path below the package"_s;
        }
        if (device.match(part).hasMatch()) {
            return u"is a device's name on some systems"_s;
        }
    }
    if (path == QString::fromUtf16(manifestFile) || path == QString::fromUtf16(signatureFile)) {
        return u"is not listed by itself"_s;
    }
    return {};
}

QString lookOf(const QString& name)
{
    QString look = name.normalized(QString::NormalizationForm_KC).toCaseFolded();
    for (const auto& [from, to] : {std::pair{u"rn"_s, u"m"_s},
                                   std::pair{u"vv"_s, u"w"_s},
                                   std::pair{u"0"_s, u"o"_s},
                                   std::pair{u"1"_s, u"l"_s},
                                   std::pair{u"i"_s, u"l"_s},
                                   std::pair{u"5"_s, u"s"_s},
                                   std::pair{u"-"_s, QString()}}) {
        look.replace(from, to);
    }
    return look;
}

Result<Manifest> parseManifest(const QByteArray& yaml, Stage stage)
{
    SB_TRY(const auto root, rootOf(yaml));
    SB_CHECK(onlyKeys(root,
                      {u"format"_s,
                       u"kind"_s,
                       u"name"_s,
                       u"version"_s,
                       u"publisher"_s,
                       u"description"_s,
                       u"signalbox"_s,
                       u"capabilities"_s,
                       u"files"_s,
                       u"tools"_s}));
    SB_TRY(const auto format, textAt(root, u"format"_s, 8));
    if (format != u"1") {
        return fail(ErrorCode::TooNew,
                    u"This package's format %1 needs a later version of Signalbox."_s.arg(format));
    }
    Manifest manifest;
    SB_TRY(const auto kindText, textAt(root, u"kind"_s, 16));
    const auto kind = kindFromName(kindText);
    if (!kind) {
        return wrong(*root.find(u"kind"), u"\"kind\" is skill, hand or agent"_s);
    }
    manifest.kind = *kind;
    SB_TRY(manifest.name, nameAt(root, u"name"_s));
    SB_TRY(manifest.publisher, nameAt(root, u"publisher"_s));
    SB_TRY(manifest.version, versionAt(root, u"version"_s));
    SB_TRY(manifest.description, textAt(root, u"description"_s, longestDescription));
    SB_TRY(manifest.minimumVersion, versionAt(root, u"signalbox"_s));
    SB_TRY(manifest.capabilities, capabilitiesOf(root));
    SB_TRY(manifest.files, filesOf(root, stage));
    SB_TRY(const auto* tools, listAt(root, u"tools"_s, mostTools));
    QSet<QString> names;
    for (qsizetype i = 0; tools != nullptr && i < qsizetype(tools->items.size()); ++i) {
        const auto& item = tools->items[size_t(i)];
        SB_TRY(auto tool, toolOf(item, manifest.files, stage));
        if (names.contains(tool.name)) {
            return wrong(item, u"the tool \"%1\" stands here twice"_s.arg(tool.name));
        }
        names.insert(tool.name);
        manifest.tools.append(std::move(tool));
    }
    return manifest;
}

Result<QByteArray> withFiles(const QByteArray& yaml, const QList<FileEntry>& files)
{
    SB_TRY(const auto root, rootOf(yaml));
    QList<QByteArray> lines = yaml.split('\n');
    for (size_t i = 0; i < root.pairs.size(); ++i) {
        const YamlNode& key = root.pairs[i].key;
        if (key.text != u"files") {
            continue;
        }
        const qsizetype first = key.line - 1;
        const qsizetype end =
            i + 1 < root.pairs.size() ? root.pairs[i + 1].key.line - 1 : lines.size();
        if (key.column != 1 || end <= first) {
            return wrong(key, u"\"files\" must stand on lines of its own"_s);
        }
        lines.remove(first, end - first);
        break;
    }
    QByteArray text = lines.join('\n').trimmed() + "\nfiles:\n";
    if (files.isEmpty()) {
        text.chop(1);
        text += " []\n";
    }
    for (const FileEntry& file : files) {
        text +=
            "  - {path: \"" + file.path.toUtf8() + "\", sha256: \"" + file.sha256.toHex() + "\"}\n";
    }
    return text;
}

} // namespace sb::packages
