#include "app/node/PackageVerb.h"

#include "core/journal/SigningKey.h"
#include "core/runtime/Skills.h"
#include "core/tools/BuiltinSupport.h"

#include <QDir>
#include <QJsonArray>

namespace sb::node {

using namespace Qt::StringLiterals;
using packages::Inspection;
using packages::SignatureState;

namespace {

const auto usage = u"package needs inspect FOLDER, install FOLDER, list, remove NAME, publishers, "
                   "forget PUBLISHER, sign FOLDER --key FILE, or keygen FILE."_s;

QString stateName(SignatureState state)
{
    switch (state) {
    case SignatureState::Missing:
        return u"missing"_s;
    case SignatureState::Wrong:
        return u"wrong"_s;
    case SignatureState::FirstUse:
        return u"first-use"_s;
    case SignatureState::Known:
        return u"known"_s;
    case SignatureState::Rotated:
        return u"rotated"_s;
    case SignatureState::OtherKey:
        return u"other-key"_s;
    case SignatureState::Revoked:
        return u"revoked"_s;
    }
    return u"wrong"_s;
}

QString severityName(packages::Severity severity)
{
    switch (severity) {
    case packages::Severity::Low:
        return u"low"_s;
    case packages::Severity::Medium:
        return u"medium"_s;
    case packages::Severity::High:
        return u"high"_s;
    }
    return u"high"_s;
}

// What strangers wrote must not move the cursor of whoever reads it.
void say(const QString& line)
{
    printLine(tools::harmless(line).toUtf8());
}

void describe(const packages::Manifest& manifest, QJsonObject& object)
{
    QJsonArray tools;
    for (const auto& tool : manifest.tools) {
        tools.append(tool.name);
    }
    object.insert(u"kind"_s, packages::kindName(manifest.kind));
    object.insert(u"publisher"_s, manifest.publisher);
    object.insert(u"name"_s, manifest.name);
    object.insert(u"version"_s, manifest.version.toString());
    object.insert(u"description"_s, manifest.description);
    object.insert(u"capabilities"_s, QJsonArray::fromStringList(manifest.capabilities));
    object.insert(u"tools"_s, tools);
}

QJsonObject jsonOf(const Inspection& seen)
{
    QJsonObject object;
    if (seen.manifest) {
        describe(*seen.manifest, object);
    }
    QJsonArray findings;
    for (const auto& [file, finding] : seen.findings) {
        findings.append(QJsonObject{{u"file"_s, file},
                                    {u"kind"_s, packages::findingName(finding.kind)},
                                    {u"severity"_s, severityName(finding.severity)},
                                    {u"excerpt"_s, finding.excerpt}});
    }
    object.insert(u"digest"_s, QString::fromLatin1(seen.digest.toHex()));
    object.insert(u"signature"_s, stateName(seen.signature));
    object.insert(u"fingerprint"_s, seen.fingerprint);
    object.insert(u"pinned_fingerprint"_s, seen.pinnedFingerprint);
    object.insert(u"problems"_s, QJsonArray::fromStringList(seen.problems));
    object.insert(u"warnings"_s, QJsonArray::fromStringList(seen.warnings));
    object.insert(u"findings"_s, findings);
    object.insert(u"new_capabilities"_s, QJsonArray::fromStringList(seen.newCapabilities));
    object.insert(u"downgrade"_s, seen.isDowngrade);
    if (seen.installedVersion) {
        object.insert(u"installed_version"_s, seen.installedVersion->toString());
    }
    return object;
}

void show(const Inspection& seen, bool json)
{
    if (json) {
        printJson(jsonOf(seen));
        return;
    }
    if (seen.manifest) {
        say(seen.manifest->title());
        say(u"  "_s + seen.manifest->description);
        say(u"  publisher     "_s + seen.manifest->publisher);
    }
    if (!seen.fingerprint.isEmpty()) {
        say(u"  key           %1 (%2)"_s.arg(seen.fingerprint, stateName(seen.signature)));
    }
    if (seen.manifest) {
        const auto& capabilities = seen.manifest->capabilities;
        say(u"  capabilities  "_s +
            (capabilities.isEmpty() ? u"none"_s : capabilities.join(u", "_s)));
    }
    for (const auto& [file, finding] : seen.findings) {
        say(u"  looks like instructions to an agent (%1, %2): %3: %4"_s.arg(
            packages::findingName(finding.kind),
            severityName(finding.severity),
            file,
            finding.excerpt));
    }
    for (const QString& warning : seen.warnings) {
        say(u"  note: "_s + warning);
    }
    for (const QString& problem : seen.problems) {
        say(u"  cannot be installed: "_s + problem);
    }
}

// What is needed of a person beyond what the flags say; empty: nothing.
QStringList missing(const Inspection& seen, const packages::Consent& consent)
{
    QStringList flags;
    if (seen.signature == SignatureState::FirstUse && !consent.trustPublisher) {
        flags.append(u"--trust (nothing of this publisher was installed before)"_s);
    }
    if (seen.isDowngrade && !consent.acceptDowngrade) {
        flags.append(u"--accept-downgrade (a newer version is installed)"_s);
    }
    QStringList capabilities;
    for (const QString& capability : seen.newCapabilities) {
        if (!consent.capabilities.contains(capability)) {
            capabilities.append(capability);
        }
    }
    if (!capabilities.isEmpty()) {
        flags.append(u"--capabilities "_s + capabilities.join(u','));
    }
    return flags;
}

Result<runtime::Installed> installedIn(const runtime::Home& home, const Clock& clock)
{
    SB_CHECK(home.prepare());
    SB_TRY(const auto key, journal::SigningKey::loadOrCreate(home.data));
    return Result<runtime::Installed>(std::in_place, home, key.secret, clock);
}

Exit inspect(const packages::Packages& installed, const QString& folder, bool json)
{
    const auto seen = installed.inspect(folder);
    if (!seen) {
        return complain(seen.error(), json);
    }
    show(*seen, json);
    return seen->isInstallable() ? Exit::Succeeded : Exit::Failed;
}

Exit install(packages::Packages& installed, const Arguments& arguments)
{
    const bool json = arguments.json;
    const QString folder = arguments.rest[1];
    const auto seen = installed.inspect(folder);
    if (!seen) {
        return complain(seen.error(), json);
    }
    show(*seen, json);
    if (!seen->isInstallable()) {
        return complain({ErrorCode::Forbidden, seen->problems.value(0), folder}, json);
    }
    packages::Consent consent;
    consent.digest = seen->digest;
    consent.trustPublisher = arguments.options.contains(u"--trust"_s);
    consent.acceptDowngrade = arguments.options.contains(u"--accept-downgrade"_s);
    const QString given = arguments.options.value(u"--capabilities"_s);
    consent.capabilities =
        given == "all"_L1 ? seen->newCapabilities : given.split(u',', Qt::SkipEmptyParts);
    for (const QString& capability : std::as_const(consent.capabilities)) {
        if (!seen->manifest->capabilities.contains(capability)) {
            return complain(
                {ErrorCode::InvalidInput,
                 u"The package does not ask for the capability \"%1\"."_s.arg(capability),
                 capability},
                json);
        }
    }
    if (const auto flags = missing(*seen, consent); !flags.isEmpty()) {
        return complain(
            {ErrorCode::Forbidden,
             u"It is not installed, because that needs your word: %1."_s.arg(flags.join(u", "_s)),
             folder},
            json);
    }
    const auto done = installed.install(folder, consent);
    if (!done) {
        return complain(done.error(), json);
    }
    if (json) {
        printJson({{u"installed"_s, u"%1/%2"_s.arg(done->id.publisher, done->id.name)},
                   {u"folder"_s, done->folder}});
    } else {
        say(u"Installed. An agent uses it with  skills: [%1/%2]  in signalbox.yaml."_s.arg(
            done->id.publisher, done->id.name));
    }
    return Exit::Succeeded;
}

Exit list(const packages::Packages& installed, bool json)
{
    const auto all = installed.list();
    if (!all) {
        return complain(all.error(), json);
    }
    for (const auto& one : *all) {
        QJsonObject object{{u"kind"_s, packages::kindName(one.id.kind)},
                           {u"publisher"_s, one.id.publisher},
                           {u"name"_s, one.id.name}};
        if (one.manifest) {
            describe(*one.manifest, object);
        }
        object.insert(u"folder"_s, one.folder);
        object.insert(u"problem"_s, one.problem);
        if (json) {
            printJson(object);
            continue;
        }
        say(one.problem.isEmpty()
                ? QString(one.manifest->title() + u"  "_s +
                          one.manifest->capabilities.join(u", "_s))
                      .trimmed()
                : u"%1 %2/%3  cannot be used: %4"_s.arg(
                      packages::kindName(one.id.kind), one.id.publisher, one.id.name, one.problem));
    }
    if (!json && all->isEmpty()) {
        say(u"Nothing is installed."_s);
    }
    return Exit::Succeeded;
}

Exit remove(runtime::Installed& installed, const Arguments& arguments)
{
    const QString word = arguments.options.value(u"--kind"_s, u"skill"_s);
    const auto kind = packages::kindFromName(word);
    if (!kind) {
        return complain({ErrorCode::InvalidInput,
                         u"There is no kind \"%1\"; it is skill, hand or agent."_s.arg(word),
                         word},
                        arguments.json);
    }
    const auto found = installed.find(arguments.rest[1], *kind);
    if (!found) {
        return complain(found.error(), arguments.json);
    }
    if (auto gone = installed.packages().remove(found->id); !gone) {
        return complain(gone.error(), arguments.json);
    }
    const QString title = found->id.publisher + u'/' + found->id.name;
    if (arguments.json) {
        printJson({{u"removed"_s, title}});
    } else {
        say(u"%1 is gone."_s.arg(title));
    }
    return Exit::Succeeded;
}

// What is installed of a publisher: "skill changelog", …
QStringList packagesOf(const QString& publisher, const QList<packages::Installed>& all)
{
    QStringList names;
    for (const auto& one : all) {
        if (one.id.publisher == publisher) {
            names.append(packages::kindName(one.id.kind) + u' ' + one.id.name);
        }
    }
    return names;
}

QJsonObject jsonOf(const packages::Pin& pin, const QStringList& names)
{
    return {{u"publisher"_s, pin.publisher},
            {u"fingerprint"_s, packages::fingerprintOf(pin.key)},
            {u"since"_s, timeText(pin.since)},
            {u"packages"_s, QJsonArray::fromStringList(names)}};
}

Exit publishers(runtime::Installed& installed, bool json)
{
    const auto pins = installed.trust().pins();
    const auto all = installed.packages().list();
    if (!pins || !all) {
        return complain(pins ? all.error() : pins.error(), json);
    }
    for (const auto& pin : *pins) {
        const QStringList names = packagesOf(pin.publisher, *all);
        if (json) {
            printJson(jsonOf(pin, names));
            continue;
        }
        say(u"%1  %2  since %3  %4"_s.arg(pin.publisher,
                                          packages::fingerprintOf(pin.key),
                                          timeText(pin.since),
                                          names.isEmpty() ? u"nothing installed"_s
                                                          : names.join(u", "_s)));
    }
    if (!json && pins->isEmpty()) {
        say(u"No publisher is trusted yet; the first package of each asks for it."_s);
    }
    return Exit::Succeeded;
}

Exit forget(runtime::Installed& installed, const Arguments& arguments)
{
    const bool json = arguments.json;
    const QString publisher = arguments.rest[1];
    const auto all = installed.packages().list();
    if (!all) {
        return complain(all.error(), json);
    }
    const QStringList names = packagesOf(publisher, *all);
    const auto known = installed.trust().find(publisher);
    if (known && *known && !names.isEmpty() && !arguments.options.contains(u"--yes"_s)) {
        return complain({ErrorCode::Forbidden,
                         u"\"%1\" is not forgotten, because that needs your word: --yes. These "
                         "would not be used any more: %2."_s.arg(publisher, names.join(u", "_s)),
                         publisher},
                        json);
    }
    const auto gone = installed.forget(publisher);
    if (!gone) {
        return complain(gone.error(), json);
    }
    if (json) {
        QJsonObject object = jsonOf(*gone, names);
        object.insert(u"forgotten"_s, gone->publisher);
        printJson(object);
    } else {
        say(u"%1 is forgotten%2. Whoever installs a package of it is asked again."_s.arg(
            gone->publisher,
            names.isEmpty() ? QString() : u"; not used any more: %1"_s.arg(names.join(u", "_s))));
    }
    return Exit::Succeeded;
}

Exit keygen(const QString& path, bool json)
{
    const auto key = packages::PublisherKey::create();
    if (auto saved = key.save(path); !saved) {
        return complain(saved.error(), json);
    }
    const QString fingerprint = packages::fingerprintOf(key.publicKey());
    if (json) {
        printJson({{u"file"_s, path}, {u"fingerprint"_s, fingerprint}});
    } else {
        say(u"The key is in %1; publish its fingerprint, %2."_s.arg(path, fingerprint));
    }
    return Exit::Succeeded;
}

Exit sign(const Arguments& arguments)
{
    const auto key = packages::PublisherKey::load(arguments.options.value(u"--key"_s));
    if (!key) {
        return complain(key.error(), arguments.json);
    }
    const auto manifest = packages::signFolder(arguments.rest[1], *key);
    if (!manifest) {
        return complain(manifest.error(), arguments.json);
    }
    const QString fingerprint = packages::fingerprintOf(key->publicKey());
    if (arguments.json) {
        QJsonObject object{{u"fingerprint"_s, fingerprint}, {u"files"_s, manifest->files.size()}};
        describe(*manifest, object);
        printJson(object);
    } else {
        say(u"Signed %1 with the key %2."_s.arg(manifest->title(), fingerprint));
    }
    return Exit::Succeeded;
}

} // namespace

Exit packageVerb(Arguments arguments, QStringList words)
{
    if (auto read = readOptions(arguments,
                                std::move(words),
                                {u"--capabilities"_s, u"--key"_s, u"--kind"_s},
                                {u"--trust"_s, u"--accept-downgrade"_s, u"--yes"_s});
        !read) {
        return complain(read.error(), arguments.json);
    }
    const auto& options = arguments.options;
    const QString action = arguments.rest.value(0);
    const qsizetype count = arguments.rest.size();
    const QStringList allowed =
        action == "install"_L1
            ? QStringList{u"--trust"_s, u"--accept-downgrade"_s, u"--capabilities"_s}
        : action == "sign"_L1   ? QStringList{u"--key"_s}
        : action == "remove"_L1 ? QStringList{u"--kind"_s}
        : action == "forget"_L1 ? QStringList{u"--yes"_s}
                                : QStringList();
    const bool hasKey = action != "sign"_L1 || options.contains(u"--key"_s);
    const bool isKnown =
        action == "list"_L1 || action == "publishers"_L1
            ? count == 1
            : count == 2 &&
                  QStringList{
                      u"inspect"_s, u"install"_s, u"remove"_s, u"forget"_s, u"sign"_s, u"keygen"_s}
                      .contains(action);
    if (!isKnown || !hasKey) {
        return complain({ErrorCode::InvalidInput, usage, action}, arguments.json);
    }
    for (auto it = options.cbegin(); it != options.cend(); ++it) {
        if (!allowed.contains(it.key())) {
            return complain({ErrorCode::InvalidInput,
                             u"package %1 has no option %2."_s.arg(action, it.key()),
                             it.key()},
                            arguments.json);
        }
    }
    if (action == "keygen"_L1) {
        return keygen(arguments.rest[1], arguments.json);
    }
    if (action == "sign"_L1) {
        return sign(arguments);
    }
    const SystemClock clock;
    auto installed = installedIn(arguments.home, clock);
    if (!installed) {
        return complain(installed.error(), arguments.json);
    }
    if (action == "inspect"_L1) {
        return inspect(installed->packages(), arguments.rest[1], arguments.json);
    }
    if (action == "install"_L1) {
        return install(installed->packages(), arguments);
    }
    if (action == "remove"_L1) {
        return remove(*installed, arguments);
    }
    if (action == "publishers"_L1) {
        return publishers(*installed, arguments.json);
    }
    if (action == "forget"_L1) {
        return forget(*installed, arguments);
    }
    return list(installed->packages(), arguments.json);
}

} // namespace sb::node
