#include "ui/panels/memory/MemoryEdits.h"

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::MemoryChanged;

namespace {

constexpr qsizetype mostSteps = 200; // older changes can still be taken back from the journal's
                                     // side: nothing of them is lost

} // namespace

MemoryEdits::MemoryEdits(const Context& context, QObject* parent)
    : QObject(parent), m_context(context)
{
}

void MemoryEdits::setAgent(const QString& agent)
{
    if (agent != m_agent) {
        m_agent = agent;
        m_done.clear();
        m_undone.clear();
        m_waiting.clear();
        Q_EMIT changed();
    }
}

template <class C>
void MemoryEdits::send(C command, const QString& told)
{
    command.agent = m_agent;
    command.by = u"owner"_s;
    ++m_running;
    Q_EMIT changed();
    m_context.bridge.request(
        std::move(command), this, [this, told, agent = m_agent](Result<MemoryChanged> reply) {
            if (!reply) {
                Q_EMIT failed(tr("It was not changed: %1").arg(reply.error().message));
            } else if (agent == m_agent) {
                m_done.append({reply->seq, told});
                if (m_done.size() > mostSteps) {
                    m_done.removeFirst();
                }
                m_undone.clear();
                Q_EMIT done(told, false, *reply);
            }
            finished();
        });
}

void MemoryEdits::change(const QList<protocol::MemoryChange>& changes, const QString& told)
{
    protocol::ChangeMemory command;
    command.changes = changes;
    send(std::move(command), told);
}

void MemoryEdits::merge(const QStringList& ids, const QString& told)
{
    protocol::MergeMemories command;
    command.ids = ids;
    send(std::move(command), told);
}

void MemoryEdits::split(const QString& id, const QStringList& contents, const QString& told)
{
    protocol::SplitMemory command;
    command.id = id;
    command.contents = contents;
    send(std::move(command), told);
}

void MemoryEdits::undo()
{
    if (m_running > 0) {
        m_waiting.append(true);
    } else if (!m_done.isEmpty()) {
        takeBack(m_done, m_undone, true);
    }
}

void MemoryEdits::redo()
{
    if (m_running > 0) {
        m_waiting.append(false);
    } else if (!m_undone.isEmpty()) {
        takeBack(m_undone, m_done, false);
    }
}

void MemoryEdits::finished()
{
    --m_running;
    Q_EMIT changed();
    if (m_running == 0 && !m_waiting.isEmpty()) {
        m_waiting.takeFirst() ? undo() : redo();
    }
}

// Doing again is taking back what took back.
void MemoryEdits::takeBack(QList<Step>& from, QList<Step>& onto, bool isUndo)
{
    const Step step = from.takeLast();
    ++m_running;
    Q_EMIT changed();
    m_context.bridge.request(
        protocol::UndoMemoryChange{m_agent, step.seq, u"owner"_s},
        this,
        [this, step, isUndo, agent = m_agent, from = &from, onto = &onto](
            Result<MemoryChanged> reply) {
            if (agent != m_agent) {
                finished();
                return;
            }
            if (reply) {
                onto->append({reply->seq, step.told});
                Q_EMIT done(
                    isUndo ? tr("Taken back: %1").arg(step.told) : step.told, isUndo, *reply);
            } else {
                // Refused because somebody changed it since: what lies below may still be possible.
                if (reply.error().code != ErrorCode::Conflict &&
                    reply.error().code != ErrorCode::NotFound) {
                    from->append(step);
                }
                Q_EMIT failed(tr("It was not taken back: %1").arg(reply.error().message));
            }
            finished();
        });
}

} // namespace sb::panels
