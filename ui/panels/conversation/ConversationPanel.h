#pragma once
#include "ui/panels/Panel.h"

#include <QHash>

class QLabel;
class QPushButton;

namespace sb::widgets {
class Banner;
class ElidedLabel;
class StateFile;
} // namespace sb::widgets

namespace sb::panels {

class Composer;
class FindBar;
class Transcript;
class TranscriptView;

/// One conversation with an agent: what was said and done, and where to write.
class ConversationPanel final : public Panel
{
    Q_OBJECT
public:
    explicit ConversationPanel(const Context& context, QWidget* parent = nullptr);
    ~ConversationPanel() override;

    [[nodiscard]] QWidget* focusTarget() override;
    bool search() override;
    bool open(const Link& link) override;

    [[nodiscard]] TranscriptView& view() const { return *m_view; }
    [[nodiscard]] Composer& composer() const { return *m_composer; }

private:
    void show(const QString& agent, const QString& channel, qint64 seq = 0);
    void showFirst();
    void refresh(); ///< header, buttons, banner, empty state
    void load(Transcript* transcript, qint64 before);
    Transcript* transcriptOf(const QString& agent, const QString& channel);
    [[nodiscard]] Transcript* known(const QString& agent, const QString& channel) const;
    void onDeltas(const QList<protocol::TextDelta>& deltas);
    void onTranscript(const QList<protocol::TranscriptChanged>& changes);
    void onProcesses(const QList<protocol::ProcessInfo>& processes);
    void onChannels(const QList<protocol::ChannelInfo>& channels);
    void send();
    void cancel();
    void rowMenu(int row, const QPoint& where);
    void openAddress(const QString& address);
    [[nodiscard]] QString draftKey() const;
    void tell(const QString& problem); ///< one sentence above the composer; empty: none

    std::unique_ptr<widgets::StateFile> m_state;
    QHash<QString, Transcript*> m_transcripts; // by agent/channel
    QStringList m_uses;                        // their keys, the most recently used first
    QHash<QString, std::pair<QString, QString>>
        m_streams; // of channels that are not loaded: process, text
    QSet<QString> m_loading;
    Transcript* m_current = nullptr;
    qint64 m_wantedSeq = 0; // to be shown once its page is there
    bool m_failed = false;
    QString m_failure;

    widgets::ElidedLabel* m_title;
    widgets::ElidedLabel* m_about;
    FindBar* m_find;
    widgets::Banner* m_problem;
    TranscriptView* m_view;
    QLabel* m_notice;
    Composer* m_composer;
    QPushButton* m_send;
    QPushButton* m_stop;
};

} // namespace sb::panels
