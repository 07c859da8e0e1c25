#pragma once
#include "ui/panels/Panel.h"

#include <QHash>

class QGridLayout;
class QLabel;
class QProgressBar;
class QPushButton;

namespace sb::widgets {
class ElidedLabel;
class ToneLabel;
} // namespace sb::widgets

namespace sb::panels {

/// Files on their way into the memory: how far each is, with a button that stops it.
class IngestBar final : public QWidget
{
    Q_OBJECT
public:
    IngestBar(const Context& context, QWidget* parent);

    /// Whose files are shown; those that run already are asked for.
    void setAgent(const QString& agent);
    /// Begins to read files or folders (absolute paths) into the agent's memory.
    void read(const QStringList& paths);

Q_SIGNALS:
    void failed(const QString& sentence);

private:
    struct Row
    {
        QLabel* icon = nullptr;
        widgets::ElidedLabel* path = nullptr;
        QProgressBar* bar = nullptr;
        widgets::ToneLabel* words = nullptr;
        QPushButton* button = nullptr; // stops it; closes the line of one that has ended
        bool isRunning = false;
    };
    void show(const protocol::IngestInfo& job);
    void press(const QString& id);
    void remove(const QString& id);

    Context m_context;
    QString m_agent;
    QGridLayout* m_grid;
    QHash<QString, Row> m_rows; // by the job's id
    QStringList m_closed;       // news of these come too late
};

} // namespace sb::panels
