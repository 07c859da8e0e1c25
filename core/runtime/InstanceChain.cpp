#include "core/runtime/InstanceChain.h"

#include <QCryptographicHash>
#include <QFile>
#include <QJsonArray>

namespace sb::runtime {

using protocol::Kind;

QString instanceChainId()
{
    return QStringLiteral("_instance");
}

Result<std::unique_ptr<InstanceChain>> InstanceChain::open(Parts parts)
{
    std::unique_ptr<InstanceChain> self(new InstanceChain);
    SB_TRY(self->m_database,
           store::Database::open(
               {parts.home.instanceDatabase(), QStringLiteral(":/sql/instance"), {}}, parts.clock));
    journal::Journal::Settings settings;
    settings.agent = instanceChainId();
    settings.signingKey = std::move(parts.signingKey);
    settings.redact = std::move(parts.redact);
    SB_TRY(self->m_journal,
           journal::Journal::open(std::move(settings), *self->m_database, parts.clock));
    self->m_entries = self->m_journal->subscribe(parts.feed, std::move(parts.listener));
    return self;
}

Result<> InstanceChain::recordConfig(const QString& path, const QStringList& agents)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return {}; // it went away meanwhile; the next change tells
    }
    const QString hash = QString::fromLatin1(
        QCryptographicHash::hash(file.readAll(), QCryptographicHash::Sha256).toHex());
    protocol::QueryJournal query;
    query.kinds = {protocol::kindName(Kind::ConfigChanged)};
    query.limit = 1;
    SB_TRY(const auto last, m_journal->query(query));
    if (!last.entries.isEmpty()) {
        const QJsonObject& recorded = last.entries.first().payload;
        if (recorded.value(QStringLiteral("sha256")) == hash &&
            recorded.value(QStringLiteral("path")) == path) {
            return {};
        }
    }
    journal::NewEntry entry;
    entry.kind = Kind::ConfigChanged;
    entry.cause = last.entries.isEmpty() ? QString() : QString::number(last.entries.first().seq);
    entry.payload = {{QStringLiteral("path"), path},
                     {QStringLiteral("sha256"), hash},
                     {QStringLiteral("agents"), QJsonArray::fromStringList(agents)}};
    SB_CHECK(m_journal->append(std::move(entry)).wait());
    return {};
}

void InstanceChain::recordRefusal(const QString& path, const QString& why)
{
    journal::NewEntry entry;
    entry.kind = Kind::Incident;
    entry.payload = {{QStringLiteral("what"), QStringLiteral("config.refused")},
                     {QStringLiteral("path"), path},
                     {QStringLiteral("message"), why}};
    (void)m_journal->append(std::move(entry));
}

void InstanceChain::recordKeyChange(const secrets::Change& change)
{
    using Done = secrets::Change::Kind;
    journal::NewEntry entry;
    entry.kind = Kind::ConfigChanged;
    entry.payload = {{QStringLiteral("key"), change.reference},
                     {QStringLiteral("what"),
                      change.kind == Done::Stored    ? QStringLiteral("stored")
                      : change.kind == Done::Removed ? QStringLiteral("removed")
                                                     : QStringLiteral("rotated")}};
    (void)m_journal->append(std::move(entry));
}

Result<> InstanceChain::recordPublisher(const QString& publisher,
                                        const QString& fingerprint,
                                        const QString& what,
                                        const QString& by)
{
    journal::NewEntry entry;
    entry.kind = Kind::ConfigChanged;
    entry.payload = {{QStringLiteral("publisher"), publisher},
                     {QStringLiteral("fingerprint"), fingerprint},
                     {QStringLiteral("what"), what},
                     {QStringLiteral("by"), by}};
    SB_CHECK(m_journal->append(std::move(entry)).wait());
    return {};
}

void InstanceChain::recordNotice(const QString& text)
{
    journal::NewEntry entry;
    entry.kind = Kind::Incident;
    entry.payload = {{QStringLiteral("message"), text}};
    (void)m_journal->append(std::move(entry));
}

} // namespace sb::runtime
