#pragma once
#include "core/memory/Memories.h"

#include <map>

namespace sb::memory {

/// A text that is to become a memory's content, looked at before it gets to the writer.
struct Content
{
    QString text;      ///< without what cannot be stored
    QString suspicion; ///< why it reads like an instruction; empty: it does not
};
/// InvalidInput for an empty text and for one that is too long.
Result<Content> contentFrom(const QString& text,
                            const std::function<QString(const QString&)>& suspicious);

/// Changes that become one entry: collected over the tables as they are, checked, then written as
/// what is different in the end. For a job on the writer, within one transaction.
class Draft
{
public:
    /// `origin.by` "owner" wrote the contents, unless they are `isQuoted` from a file.
    Draft(store::Connection& connection, Origin origin, bool isQuoted = false);

    /// `content` is the change's content, if it has one. Answers with the memory's id, which is
    /// empty for an edge.
    Result<QString> change(const protocol::MemoryChange& change,
                           const std::optional<Content>& content);
    Result<> merge(const QStringList& ids, const std::optional<Content>& content);
    Result<> split(const QString& id, const QList<Content>& contents);
    /// Everything that an entry did, backwards.
    Result<> undo(qint64 seq);

    /// Writes the entry, with `more` in its payload, and answers with what it touched, as it is
    /// then. Nothing is written when nothing is different; seq is 0 then.
    Result<protocol::MemoryChanged> commit(journal::Transaction& transaction,
                                           QJsonObject more = {});

private:
    struct Version
    {
        protocol::MemoryInfo info;
        QList<taint::Source> sources;
        QStringList now; ///< fields that are the entry's time, which nobody knows yet
        bool operator==(const Version&) const = default;
    };
    template <class T>
    struct Touched
    {
        std::optional<T> before;
        std::optional<T> after;
    };
    struct EdgeKey
    {
        QString from;
        QString to;
        protocol::Relation relation;
        auto operator<=>(const EdgeKey&) const = default;
    };

    [[nodiscard]] bool isOwners() const { return m_origin.by == u"owner"; }
    [[nodiscard]] std::optional<Version> readVersion(const QString& id, qint64 seq);
    Touched<Version>* touch(const QString& id);
    /// NotFound when there is none, Conflict when it is forgotten or stands for nothing any more.
    Result<Version*> known(const QString& id);
    Result<Version*> remembered(const QString& id);
    Touched<protocol::MemoryEdge>& touch(const EdgeKey& key);
    QList<protocol::MemoryEdge> edgesOf(const QString& id);
    Version& add(const QString& id, Version version);

    Result<QString> save(const protocol::MemoryChange& change, const Content& content);
    Result<> edit(const protocol::MemoryChange& change, const std::optional<Content>& content);
    Result<> link(const protocol::MemoryChange& change);
    Result<> cut(const protocol::MemoryChange& change);
    void closeValidity(Version& older, const Version& newer);
    Result<> setFields(Version& version, const protocol::MemoryChange& change);
    void setContent(Version& version, const Content& content);
    Result<> setProvenance(Version& version, protocol::Provenance provenance);
    void settleProvenance(Version& version);
    void copyEdges(const QString& from, const QString& to, qsizetype most);
    void draw(const EdgeKey& key, double weight);
    [[nodiscard]] Result<> check(const Version& version);
    [[nodiscard]] static QJsonObject versionJson(const Touched<Version>& touched);

    store::Connection& m_connection;
    Origin m_origin;
    bool m_isQuoted;
    std::map<QString, Touched<Version>> m_memories;
    std::map<EdgeKey, Touched<protocol::MemoryEdge>> m_edges;
    QStringList m_order; ///< ids in the order in which they were touched
};

} // namespace sb::memory
