#pragma once
#include "ui/models/ContainmentRows.h"
#include "ui/panels/Panel.h"

#include <QSet>
#include <QTimer>

class QBoxLayout;
class QComboBox;
class QLabel;
class QProgressBar;
class QPushButton;
class QScrollArea;
class QSplitter;
class QToolButton;

namespace sb::widgets {
class EmptyState;
class ToneLabel;
} // namespace sb::widgets

namespace sb::panels {

class AttemptDetails;
class MarkedList;
class PublishersSection;
class ReachSection;

/// What an agent cannot do, as tried, what it may reach, and whose packages are used. It tries when
/// a person asks for it and never by itself; what may be reached is read again when the journal
/// tells of a change.
class ContainmentPanel final : public Panel
{
    Q_OBJECT
public:
    explicit ContainmentPanel(const Context& context, QWidget* parent = nullptr);

    [[nodiscard]] QWidget* focusTarget() override;
    /// Follows the conversation's agent until a person chooses one here.
    void setCurrentChannel(const QString& agent, const QString& channel) override;

protected:
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    void buildHead(QWidget* content);
    void connectBridge();
    void addActions();
    void readAgents();
    void showAgent(const QString& agent);
    void ask(bool mustTry);
    void take(const QString& agent, bool hasTried, const Result<protocol::ContainmentInfo>& reply);
    void readAgainSoon();
    void refresh();
    void showHeadline();
    void showNothing();
    void showCurrent();
    void say(const QString& sentence);
    void copy(const QString& text);
    [[nodiscard]] bool isTrying() const { return m_trying.contains(m_agent); }

    QString m_agent;
    QString m_followed;               // the conversation's
    bool m_hasPicked = false;         // a person chose the agent
    bool m_hasInfo = false;           // m_info is this agent's
    bool m_isStale = true;            // to be read again when it is seen
    bool m_wantsList = false;         // the focus goes to the list when there is one
    QString m_failure;                // why it could not be read or tried
    protocol::ContainmentInfo m_info; // the newest answer
    QSet<QString> m_trying;           // agents
    models::ContainmentRows m_rows;
    QTimer m_soon;

    QBoxLayout* m_head = nullptr;
    QLabel* m_picture = nullptr;
    widgets::ToneLabel* m_verdict = nullptr;
    widgets::ToneLabel* m_remark = nullptr;
    QComboBox* m_agents = nullptr;
    QPushButton* m_try = nullptr;
    QToolButton* m_copy = nullptr;
    QProgressBar* m_progress = nullptr;
    QSplitter* m_splitter = nullptr;
    MarkedList* m_list = nullptr;
    QScrollArea* m_empty = nullptr; // stands in for the list
    widgets::EmptyState* m_nothing = nullptr;
    QScrollArea* m_side = nullptr;
    AttemptDetails* m_details = nullptr;
    ReachSection* m_reach = nullptr;
    PublishersSection* m_publishers = nullptr;
};

} // namespace sb::panels
