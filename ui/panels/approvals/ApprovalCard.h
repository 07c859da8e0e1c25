#pragma once
#include "ui/panels/Panel.h"
#include "ui/panels/approvals/ArgumentsEditor.h"

#include <QPointer>

class QLineEdit;
class QPushButton;
class QVBoxLayout;

namespace sb::widgets {
class Badge;
class ElidedLabel;
class ToneLabel;
} // namespace sb::widgets

namespace sb::panels {

class ActionRow;
class ApprovalFacts;
class WrappedText;

/// One question to a person: the host's facts, the agent's words apart from them, and the answers.
/// Accepting high risk takes a second step, critical risk a second step after a second. A question
/// about an address that is not listed can be answered for once or for good; for good takes a
/// second step too. A settled card says who decided; folded, it is one line.
class ApprovalCard final : public QWidget
{
    Q_OBJECT
public:
    static constexpr Milliseconds criticalDwell{1000};
    static constexpr Milliseconds highDwell{400};   ///< longer than a double click
    static constexpr Milliseconds armedFor{10'000}; ///< then the first step is forgotten
    static constexpr Milliseconds slideGuard{500};

    ApprovalCard(const Context& context,
                 Executor& executor,
                 const protocol::ApprovalInfo& approval,
                 QWidget* parent);

    void setApproval(const protocol::ApprovalInfo& approval);
    [[nodiscard]] const protocol::ApprovalInfo& approval() const { return m_approval; }
    /// A settled card as one line; a waiting one is never folded.
    void setFolded(bool isFolded);
    [[nodiscard]] bool isFolded() const { return m_isFolded; }
    /// Lets the waiting time and the expiry be read again.
    void tick();
    /// The card has come to lie under the pointer by itself: a click that was meant for another one
    /// must not count.
    void guardAgainstSlip();
    /// Somebody is at work on it: it must not be thrown away.
    [[nodiscard]] bool isBusy() const { return m_mode != Mode::Idle; }
    [[nodiscard]] bool hasFocusInside() const;
    /// The card is as wide as this from now on.
    [[nodiscard]] int heightFor(int width);
    /// The lower edge of what is seen of the card, in its own coordinates: a waiting card keeps its
    /// answers above it.
    void setVisibleBottom(int bottom);
    /// The part that the answers cover at that edge; 0 while they stand at their place.
    [[nodiscard]] int coveredHeight() const;
    /// Where the answers are; empty while there are none.
    [[nodiscard]] QRect answersRect() const;

    // What the keys and buttons do.
    void accept();
    /// Lets the agent reach the address from now on; does nothing on a question about something
    /// else.
    void acceptForGood();
    void edit();
    void reject();
    /// Leaves the step that it is in; true when there was one to leave.
    bool leave();
    /// Forgets a first step to accept; nothing else is left.
    void disarm();

Q_SIGNALS:
    void linkActivated(const sb::panels::Link& link);
    /// A folded card was asked to open, or an open settled one to fold.
    void foldToggled();
    /// What it needs in height may be another.
    void resized();
    /// This part of it wants to be seen now.
    void attention(QWidget* part);
    /// The runtime said who decided, before any event did.
    void settled(const sb::protocol::ApprovalInfo& approval);

protected:
    void paintEvent(QPaintEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    enum class Mode { Idle, Armed, Rejecting, Editing, Sending };
    /// For how long a yes is meant.
    enum class Reach { Once, ForGood };

    void build();
    void fill();
    void showOutcome();
    void showMode();
    void accept(Reach reach);
    void arm(Reach reach);
    void send(bool isAccepted, std::optional<QJsonObject> arguments, const QString& note);
    void answered(Result<protocol::ApprovalInfo> reply);
    void showProblem(const QString& problem);
    void placeAnswers();
    [[nodiscard]] bool needsSecondStep(Reach reach) const;
    [[nodiscard]] bool isAboutAddress() const;
    [[nodiscard]] QString addressText() const;
    [[nodiscard]] QString acceptText(Reach reach) const;

    Context m_context;
    Executor& m_executor;
    protocol::ApprovalInfo m_approval;
    Mode m_mode = Mode::Idle;
    Reach m_reach = Reach::Once; // of the yes that is armed or sent
    bool m_isFolded = false;
    bool m_isBuilt = false;
    bool m_isDwelling = false;
    bool m_sentHere = false; // this card's own answer settled it
    qint64 m_slidAt = -1;    // steady time
    int m_visibleBottom = QWIDGETSIZE_MAX;
    int m_answerWidth = 0; // 0: not known yet
    Subscription m_dwell;
    Subscription m_disarm;

    QVBoxLayout* m_layout;
    QWidget* m_head;
    QWidget* m_body = nullptr;
    widgets::Badge* m_badge;
    widgets::ElidedLabel* m_title;
    widgets::ToneLabel* m_age;
    WrappedText* m_outcome = nullptr;
    WrappedText* m_problem = nullptr;
    QPushButton* m_fold;
    QWidget* m_rejectRow = nullptr;
    QLineEdit* m_reason = nullptr;
    QVBoxLayout* m_editArea = nullptr;
    QPointer<ArgumentsEditor> m_editor;
    ApprovalFacts* m_facts = nullptr;
    ActionRow* m_buttons = nullptr;
    QPushButton* m_rejectButton = nullptr;
    QPushButton* m_editButton = nullptr;
    QPushButton* m_backButton = nullptr;
    QPushButton* m_foreverButton = nullptr; // of a question about an address
    QPushButton* m_acceptButton = nullptr;
};

} // namespace sb::panels
