#include "core/config/Yaml.h"

#include <QStringDecoder>
#include <sstream>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

using namespace Qt::StringLiterals;

namespace sb::config {

namespace {

constexpr qsizetype maxBytes = 1 << 20;
constexpr size_t maxDepth = 24;
constexpr int maxNodes = 50'000;

// Carried from yaml-cpp's callbacks to readYaml, which is the only one that catches it.
struct Refused
{
    YAML::Mark mark;
    QString message;
};

class Builder final : public YAML::EventHandler
{
public:
    YamlNode root;

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        add(make(mark, anchor, {}, YamlNode::Kind::Null));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override
    {
        throw Refused{
            mark,
            u"anchors and aliases (& and *) are not used here; a text that starts with * needs quotes"_s};
    }
    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  const std::string& value) override
    {
        YamlNode node = make(mark, anchor, tag, YamlNode::Kind::Scalar);
        node.text = QString::fromStdString(value);
        node.quoted = tag == "!";
        add(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string& tag,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override
    {
        open(make(mark, anchor, tag, YamlNode::Kind::List));
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark,
                    const std::string& tag,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override
    {
        open(make(mark, anchor, tag, YamlNode::Kind::Map));
    }
    void OnMapEnd() override { close(); }

private:
    // A collection that is being read, and the key that waits for its value.
    struct Open
    {
        YamlNode node;
        std::optional<YamlNode> key;
        QSet<QString> keys;
    };

    YamlNode
    make(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& tag, YamlNode::Kind kind)
    {
        if (anchor != 0) {
            throw Refused{
                mark,
                u"anchors and aliases (& and *) are not used here; a text that starts with & needs quotes"_s};
        }
        if (!tag.empty() && tag != "?" && tag != "!") {
            throw Refused{
                mark,
                u"tags (such as !!str) are not used here; a text that starts with ! needs quotes"_s};
        }
        if (++m_nodes > maxNodes) {
            throw Refused{mark, u"the file holds more than %1 values"_s.arg(maxNodes)};
        }
        YamlNode node;
        node.kind = kind;
        node.line = mark.line + 1;
        node.column = mark.column + 1;
        return node;
    }

    void open(YamlNode node)
    {
        if (m_open.size() >= maxDepth) {
            throw Refused{YAML::Mark(), u"it is nested too deeply"_s};
        }
        m_open.push_back({std::move(node), std::nullopt, {}});
    }

    void close()
    {
        YamlNode node = std::move(m_open.back().node);
        m_open.pop_back();
        add(std::move(node));
    }

    void add(YamlNode node)
    {
        if (m_open.empty()) {
            root = std::move(node);
            return;
        }
        Open& top = m_open.back();
        if (top.node.kind == YamlNode::Kind::List) {
            top.node.items.push_back(std::move(node));
            return;
        }
        if (top.key) {
            top.node.pairs.push_back({std::move(*top.key), std::move(node)});
            top.key.reset();
            return;
        }
        YAML::Mark mark;
        mark.line = node.line - 1;
        mark.column = node.column - 1;
        if (node.kind != YamlNode::Kind::Scalar) {
            throw Refused{mark, u"a key must be a plain word"_s};
        }
        if (top.keys.contains(node.text)) {
            throw Refused{mark,
                          u"the key \"%1\" stands here a second time"_s.arg(node.text.left(60))};
        }
        top.keys.insert(node.text);
        top.key = std::move(node);
    }

    std::vector<Open> m_open;
    int m_nodes = 0;
};

// yaml-cpp counts bytes; people count characters.
int columnOf(const QByteArray& bytes, int line, int byteColumn)
{
    qsizetype start = 0;
    for (int i = 1; i < line; ++i) {
        const auto end = bytes.indexOf('\n', start);
        if (end < 0) {
            return byteColumn;
        }
        start = end + 1;
    }
    return int(QString::fromUtf8(bytes.mid(start, byteColumn - 1)).toUcs4().size()) + 1;
}

void fixColumns(YamlNode& node, const QList<qsizetype>& starts, const QByteArray& bytes)
{
    if (node.line <= starts.size()) {
        node.column = int(QString::fromUtf8(bytes.mid(starts[node.line - 1], node.column - 1))
                              .toUcs4()
                              .size()) +
                      1;
    }
    for (auto& item : node.items) {
        fixColumns(item, starts, bytes);
    }
    for (auto& pair : node.pairs) {
        fixColumns(pair.key, starts, bytes);
        fixColumns(pair.value, starts, bytes);
    }
}

bool isAscii(const QByteArray& bytes)
{
    return std::ranges::all_of(bytes, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

} // namespace

const YamlNode* YamlNode::find(QStringView key) const
{
    for (const Pair& pair : pairs) {
        if (pair.key.text == key) {
            return &pair.value;
        }
    }
    return nullptr;
}

std::unexpected<Error>
yamlError(const QString& fileName, int line, int column, const QString& message)
{
    return fail(
        ErrorCode::InvalidInput,
        u"%1:%2:%3: %4."_s.arg(fileName, QString::number(line), QString::number(column), message));
}

Result<YamlNode> readYaml(const QByteArray& bytes, const QString& fileName)
{
    if (bytes.size() > maxBytes) {
        return fail(ErrorCode::InvalidInput,
                    u"%1 is larger than 1 MiB, which no configuration needs."_s.arg(fileName));
    }
    QByteArray text = bytes.startsWith("\xEF\xBB\xBF") ? bytes.sliced(3) : bytes;
    QStringDecoder decoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
    const QString decoded = decoder(text);
    if (decoder.hasError()) {
        // The first replacement character that was not in the file itself tells the place.
        qsizetype line = 1;
        qsizetype start = 0;
        for (; start < text.size(); ++line) {
            const auto end = text.indexOf('\n', start);
            const auto part = text.mid(start, end < 0 ? -1 : end - start);
            QStringDecoder one(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
            const QString read = one(part);
            if (one.hasError() || end < 0) {
                return yamlError(
                    fileName,
                    int(line),
                    int(std::max<qsizetype>(0, read.indexOf(QChar::ReplacementCharacter))) + 1,
                    u"the file is not written in UTF-8"_s);
            }
            start = end + 1;
        }
    }
    if (text.contains('\0')) {
        return yamlError(fileName,
                         int(text.first(text.indexOf('\0')).count('\n')) + 1,
                         1,
                         u"the file holds a zero byte"_s);
    }
    text.replace("\r\n", "\n");
    const auto at = [&](const YAML::Mark& mark, const QString& message) {
        const int line = std::max(0, mark.line) + 1;
        return yamlError(
            fileName, line, columnOf(text, line, std::max(0, mark.column) + 1), message);
    };
    try {
        std::istringstream in(text.toStdString());
        YAML::Parser parser(in);
        Builder builder;
        if (!parser.HandleNextDocument(builder)) {
            return yamlError(fileName, 1, 1, u"the file is empty"_s);
        }
        Builder second;
        if (parser.HandleNextDocument(second)) {
            return yamlError(fileName,
                             second.root.line,
                             second.root.column,
                             u"a second document (---) starts here; only one is read"_s);
        }
        if (!isAscii(text)) {
            QList<qsizetype> starts{0};
            for (qsizetype i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) {
                starts.append(i + 1);
            }
            fixColumns(builder.root, starts, text);
        }
        return std::move(builder.root);
    } catch (const Refused& refused) {
        return at(refused.mark, refused.message);
    } catch (const YAML::Exception& exception) {
        return at(exception.mark,
                  u"this is not valid YAML (%1)"_s.arg(QString::fromStdString(exception.msg)));
    } catch (const std::exception& exception) {
        return yamlError(
            fileName,
            1,
            1,
            u"the file could not be read (%1)"_s.arg(QString::fromLocal8Bit(exception.what())));
    }
}

} // namespace sb::config
