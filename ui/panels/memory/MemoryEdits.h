#pragma once
#include "ui/panels/Panel.h"

#include <functional>

namespace sb::panels {

/// What a person changes in an agent's memory, and takes back. Each change is one entry of the
/// journal; taking it back is another.
class MemoryEdits final : public QObject
{
    Q_OBJECT
public:
    MemoryEdits(const Context& context, QObject* parent);

    /// Whose memory it is. What was done in another's cannot be taken back from here any more.
    void setAgent(const QString& agent);

    /// `told` is what was done, as a sentence: "Forgot “…”.".
    void change(const QList<protocol::MemoryChange>& changes, const QString& told);
    void merge(const QStringList& ids, const QString& told);
    void split(const QString& id, const QStringList& contents, const QString& told);

    [[nodiscard]] bool canUndo() const { return !m_done.isEmpty() || m_running > 0; }
    [[nodiscard]] bool canRedo() const { return !m_undone.isEmpty() || m_running > 0; }
    /// Takes back the newest change; one that is still on its way, once it is there.
    void undo();
    void redo();

Q_SIGNALS:
    /// It is written. `isUndo`: something was taken back.
    void done(const QString& told, bool isUndo, const sb::protocol::MemoryChanged& change);
    void failed(const QString& sentence);
    /// What can be taken back is another now.
    void changed();

private:
    struct Step
    {
        qint64 seq = 0;
        QString told;
    };
    template <class C>
    void send(C command, const QString& told);
    void finished();
    void takeBack(QList<Step>& from, QList<Step>& onto, bool isUndo);

    Context m_context;
    QString m_agent;
    QList<Step> m_done;    // the newest last
    QList<Step> m_undone;  // the newest last
    QList<bool> m_waiting; // undo (or redo), until what runs is there
    int m_running = 0;
};

} // namespace sb::panels
