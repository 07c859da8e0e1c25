#include "core/taint/Context.h"

#include "core/base/Defence.h"

namespace sb::taint {

namespace {

void visit(const QJsonValue& value,
           const QString& path,
           const std::function<void(const QString&, const QString&)>& f)
{
    const auto below = [&](const QString& name) {
        return path.isEmpty() ? name : QString(path + u'.' + name);
    };
    if (value.isString()) {
        f(path, value.toString());
    } else if (value.isArray()) {
        qsizetype index = 0;
        for (const auto& item : value.toArray()) {
            visit(item, below(QString::number(index++)), f);
        }
    } else if (value.isObject()) {
        const QJsonObject object = value.toObject();
        for (auto it = object.begin(); it != object.end(); ++it) {
            f(below(it.key()), it.key());
            visit(it.value(), below(it.key()), f);
        }
    }
}

} // namespace

void eachText(const QJsonObject& object,
              const std::function<void(const QString& path, const QString& text)>& f)
{
    visit(object, {}, f);
}

QList<protocol::FlowInfo> toInfo(const QList<Flow>& flows)
{
    QList<protocol::FlowInfo> all;
    for (const Flow& flow : flows) {
        for (const Source& source : flow.sources) {
            protocol::FlowInfo info;
            info.argument = flow.argument;
            info.labels = source.labels.names();
            info.isPrecise = flow.isPrecise;
            info.path = source.path;
            all.append(std::move(info));
        }
    }
    return all;
}

void Context::add(std::shared_ptr<const Fingerprint> fingerprint, const QList<Source>& sources)
{
    if (sources.isEmpty()) {
        return;
    }
    Text text;
    text.fingerprint = std::move(fingerprint);
    text.sources = sources;
    for (const Source& source : sources) {
        text.exact |= source.exact ? source.labels : Labels();
    }
    const Labels all = joined(sources);
    text.isPersons =
        all == Labels{Label::UserInput} && std::ranges::all_of(sources, [](const Source& source) {
            return source.exact && source.path.size() == 1;
        });
    m_labels |= all;
    m_texts.append(std::move(text));
}

QList<Source> Context::influences(qsizetype most) const
{
    QList<Source> all;
    for (const Text& text : m_texts) {
        all += text.sources;
    }
    return condensed(all, most);
}

QList<Source> Context::quotedBy(const QString& text) const
{
    if (!defended("taint.quotes") || m_texts.isEmpty()) {
        return {};
    }
    auto hashes = hashesOf(text);
    for (const Text& known : m_texts) {
        if (known.isPersons && known.fingerprint) {
            std::erase_if(hashes, [&](quint64 hash) { return known.fingerprint->has(hash); });
        }
    }
    if (hashes.empty()) {
        return {};
    }
    QList<Source> quoted;
    for (const Text& known : m_texts) {
        if (known.isPersons || known.exact.isEmpty() || !known.fingerprint) {
            continue;
        }
        if (std::ranges::any_of(hashes,
                                [&](quint64 hash) { return known.fingerprint->has(hash); })) {
            for (const Source& source : known.sources) {
                if (source.exact) {
                    quoted.append(source);
                }
            }
        }
    }
    return condensed(quoted);
}

QList<Source> Context::carriedBy(const QString& text) const
{
    if (m_texts.isEmpty()) {
        return {};
    }
    QList<Source> carried = quotedBy(text);
    auto influences = this->influences();
    for (Source& source : influences) {
        source.exact = false;
    }
    return condensed(carried + influences);
}

QList<Flow> Context::flowsInto(const QJsonObject& arguments) const
{
    QList<Flow> flows;
    if (m_texts.isEmpty()) {
        return flows;
    }
    eachText(arguments, [&](const QString& path, const QString& text) {
        Flow flow;
        flow.sources = quotedBy(text);
        if (flow.sources.isEmpty()) {
            return;
        }
        flow.argument = path;
        flow.labels = joined(flow.sources);
        flow.isPrecise = true;
        flows.append(std::move(flow));
    });
    return flows;
}

} // namespace sb::taint
