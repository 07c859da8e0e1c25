#pragma once
#include "JournalFixture.h"

#include "core/memory/Memories.h"

/// An agent's memories in a folder of their own, and short words for what is done to them.
class MemoriesFixture : public JournalFixture
{
public:
    using Change = sb::protocol::MemoryChange;
    using Changed = sb::Result<sb::protocol::MemoryChanged>;

    explicit MemoriesFixture(std::function<QString(const QString&)> suspicious = {})
        : m_suspicious(std::move(suspicious))
    {
        openMemories();
    }

    void openMemories()
    {
        memories.reset();
        sb::journal::Journal::Settings settings;
        settings.redact = redact;
        settings.projections.push_back(std::make_unique<sb::memory::MemoryProjection>());
        const auto opened = open(std::move(settings));
        SB_ASSERT(opened.has_value());
        memories = std::make_unique<sb::memory::Memories>(*journal, *database, m_suspicious);
    }

    static sb::memory::Origin owner() { return {.by = QStringLiteral("owner")}; }
    static sb::memory::Origin worker(QList<sb::taint::Source> sources = {})
    {
        return {.by = QStringLiteral("brn-1"),
                .reason = QStringLiteral("It was told so."),
                .process = QStringLiteral("brn-1"),
                .cause = QStringLiteral("7"),
                .sources = std::move(sources)};
    }
    static QList<sb::taint::Source> from(sb::taint::Labels labels)
    {
        return {sb::taint::entering(labels, QStringLiteral("wrk-1"), QStringLiteral("the page x"))};
    }

    static Change saving(const QString& id,
                         const QString& content,
                         sb::protocol::MemoryType type = sb::protocol::MemoryType::Fact)
    {
        Change change;
        change.id = id;
        change.content = content;
        change.type = type;
        return change;
    }
    static Change editing(const QString& id)
    {
        Change change;
        change.op = sb::protocol::MemoryOp::Edit;
        change.id = id;
        return change;
    }
    static Change linking(const QString& from,
                          const QString& to,
                          sb::protocol::Relation relation = sb::protocol::Relation::RelatedTo,
                          double weight = 1)
    {
        Change change;
        change.op = sb::protocol::MemoryOp::Link;
        change.from = from;
        change.to = to;
        change.relation = relation;
        change.weight = weight;
        return change;
    }
    static Change cutting(Change linked)
    {
        linked.op = sb::protocol::MemoryOp::Cut;
        return linked;
    }
    static Change forgetting(const QString& id, bool forgotten = true)
    {
        Change change = editing(id);
        change.forgotten = forgotten;
        return change;
    }

    /// The clock moves a second with every change, so that each has a time of its own.
    Changed change(QList<Change> changes, sb::memory::Origin origin = owner())
    {
        clock.advance(std::chrono::seconds(1));
        return memories->change(std::move(changes), std::move(origin)).wait();
    }
    Changed save(const QString& id,
                 const QString& content,
                 sb::protocol::MemoryType type = sb::protocol::MemoryType::Fact,
                 sb::memory::Origin origin = owner())
    {
        return change({saving(id, content, type)}, std::move(origin));
    }
    Changed undo(qint64 seq, sb::memory::Origin origin = owner())
    {
        clock.advance(std::chrono::seconds(1));
        return memories->undo(seq, std::move(origin)).wait();
    }
    /// The memory as it is now; without an id when there is none.
    sb::protocol::MemoryInfo now(const QString& id)
    {
        return memories->get(id).value_or(sb::protocol::GetMemory::Reply()).memory;
    }
    /// Ids of what the filter lets through, in alphabetical order.
    QStringList ids(const sb::protocol::MemoryFilter& filter = {})
    {
        QStringList all;
        const auto listed = memories->list(filter, 0, 1'000'000);
        for (const auto& memory : listed.value_or(sb::protocol::ListMemories::Reply()).memories) {
            all.append(memory.id);
        }
        all.sort();
        return all;
    }
    /// "a related_to b", in alphabetical order.
    QStringList edges(const sb::protocol::MemoryFilter& filter = {})
    {
        QStringList all;
        const auto graph = memories->graph({}, 0, 100'000, filter);
        for (const auto& edge : graph.value_or(sb::protocol::GetMemoryGraph::Reply()).edges) {
            all.append(edge.from + u' ' + enumName(edge.relation) + u' ' + edge.to);
        }
        all.sort();
        return all;
    }
    void recalled(const QStringList& ids)
    {
        clock.advance(std::chrono::seconds(1));
        const auto appended =
            journal
                ->append({.kind = sb::protocol::Kind::ToolResult,
                          .process = QStringLiteral("brn-1"),
                          .payload = {{QStringLiteral("tool"), QStringLiteral("memory_recall")},
                                      {QStringLiteral("text"), QStringLiteral("what was found")},
                                      {QStringLiteral("facts"),
                                       QJsonObject{{QStringLiteral("memories"),
                                                    QJsonArray::fromStringList(ids)}}}}})
                .wait();
        SB_ASSERT(appended.has_value());
    }

    std::unique_ptr<sb::memory::Memories> memories;
    std::function<QJsonObject(QJsonObject)> redact;

private:
    std::function<QString(const QString&)> m_suspicious;
};
