#pragma once
#include "ui/panels/Panel.h"

class QLabel;
class QPlainTextEdit;
class QPushButton;
class QTabWidget;

namespace sb::widgets {
class Badge;
class ElidedLabel;
class ToneLabel;
} // namespace sb::widgets

namespace sb::panels {

class TailView;

/// One worker: the tail of its output, its task and result in full, and the button that ends it.
class WorkerDetails final : public QWidget
{
    Q_OBJECT
public:
    WorkerDetails(const Context& context, QWidget* parent);

    /// Shows a worker; asks for its output when it is another one than before.
    void show(const protocol::ProcessInfo& info);
    void appendOutput(const QList<protocol::OutputTail>& tails);
    /// Asks the runtime to end the worker that is shown.
    void cancel();
    [[nodiscard]] bool canCancel() const;
    [[nodiscard]] const protocol::ProcessInfo& info() const { return m_info; }

Q_SIGNALS:
    void linkActivated(const sb::panels::Link& link);

private:
    void askForOutput();
    void fill();
    /// The output where there is some, else the task and what came of it, until a person picks.
    void pickTab();
    void showProblem(const QString& problem);
    [[nodiscard]] QString wholeText() const;

    Context m_context;
    protocol::ProcessInfo m_info;
    widgets::Badge* m_badge;
    widgets::ElidedLabel* m_title;
    widgets::ToneLabel* m_problem;
    QPushButton* m_cancel;
    QPushButton* m_copy;
    QPushButton* m_journal;
    QTabWidget* m_tabs;
    TailView* m_tail;
    QPlainTextEdit* m_text;
    quint64 m_asked = 0; // answers to older questions are void
    bool m_hasTail = false;
    bool m_isCancelling = false;
    bool m_isPicking = false;
    bool m_hasPicked = false; // the person, for the worker that is shown
};

} // namespace sb::panels
