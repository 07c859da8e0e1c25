#pragma once
#include "ui/panels/Panel.h"

class QGridLayout;
class QProgressBar;
class QPushButton;

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

private:
    void start(const QString& words);
    void finish();
    void progressed(const protocol::VerifyProgress& progress);
    void addLine(const QString& icon, theme::Tone tone, const QString& text, const Link& link = {});
    void addReport(const protocol::VerifyReport& report);
    void clearLines();

    Context m_context;
    widgets::ToneLabel* m_words;
    QProgressBar* m_progress;
    QWidget* m_lines;
    QGridLayout* m_grid;
    QPushButton* m_close;
    qint64 m_startedAt = 0; // steady
    bool m_isRunning = false;
};

} // namespace sb::panels
