#pragma once
#include "ui/panels/Panel.h"

class QGridLayout;
class QProgressBar;
class QPushButton;
class QScrollArea;

namespace sb::widgets {
class ToneLabel;
}

namespace sb::panels {

/// Runs the check of the journal or an export, and reports in place: progress with count and rate,
/// then the outcome.
class ReportBar final : public QWidget
{
    Q_OBJECT
public:
    ReportBar(const Context& context, QWidget* parent);

    /// Reads a chain back from disk and checks it; every chain when the agent is empty.
    void verify(const QString& agent);
    void exportTo(const QString& agent, const QString& path);
    [[nodiscard]] bool isRunning() const { return m_isRunning; }

Q_SIGNALS:
    void linkActivated(const sb::panels::Link& link);
    void runningChanged();

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void start(const QString& words);
    void finish();
    void progressed(const protocol::VerifyProgress& progress);
    void addLine(const QString& icon, theme::Tone tone, const QString& text, const Link& link = {});
    void addReport(const protocol::VerifyReport& report);
    /// One line for all chains that hold; each has its own below, folded.
    void addSummary(const QList<protocol::VerifyReport>& held, bool areAll);
    void addButton(int row, QPushButton* button);
    void clearLines();
    /// Gives the lines the height that they need, up to a few: the entries are what one came for.
    void fit();

    Context m_context;
    widgets::ToneLabel* m_words;
    QProgressBar* m_progress;
    QScrollArea* m_scroll;
    QWidget* m_lines;
    QGridLayout* m_grid;
    QPushButton* m_close;
    qint64 m_startedAt = 0;   // steady
    QList<QWidget*> m_folded; // the lines of single chains, below the summary
    bool m_isFolding = false; // lines that are added now belong there
    bool m_isRunning = false;
};

} // namespace sb::panels
