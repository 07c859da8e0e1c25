#include "ui/panels/approvals/ApprovalCard.h"

#include "ui/models/Words.h"
#include "ui/panels/approvals/ActionRow.h"
#include "ui/panels/approvals/ApprovalFacts.h"
#include "ui/panels/parts/FlowLayout.h"
#include "ui/panels/parts/WrappedText.h"
#include "ui/widgets/Badge.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QApplication>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMouseEvent>
#include <QPainter>
#include <QPushButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::ApprovalInfo;
using protocol::ApprovalState;
using protocol::Risk;
using theme::Tone;
using widgets::ToneLabel;

ApprovalCard::ApprovalCard(const Context& context,
                           Executor& executor,
                           const ApprovalInfo& approval,
                           QWidget* parent)
    : QWidget(parent)
    , m_context(context)
    , m_executor(executor)
    , m_approval(approval)
    , m_layout(new QVBoxLayout(this))
    , m_head(new QWidget(this))
    , m_badge(new widgets::Badge(context.theme, widgets::riskBadge(approval.risk), m_head))
    , m_title(new widgets::ElidedLabel({}, Qt::ElideRight, m_head))
    , m_age(new ToneLabel(context.theme, ToneLabel::Role::Secondary, Tone::Secondary, {}, m_head))
    , m_fold(new QPushButton(m_head))
{
    setFocusPolicy(Qt::StrongFocus);
    m_layout->setContentsMargins(
        theme::space::margin, theme::space::related, theme::space::margin, theme::space::related);
    m_layout->setSpacing(theme::space::related);
    auto* head = new QHBoxLayout(m_head);
    head->setContentsMargins({});
    head->setSpacing(theme::space::related);
    head->addWidget(m_badge);
    head->addWidget(m_title, 1);
    head->addWidget(m_age);
    head->addWidget(m_fold);
    m_age->setWordWrap(false);
    m_fold->setFlat(true);
    m_fold->setAutoDefault(false);
    m_fold->setIconSize({theme::smallIcon, theme::smallIcon});
    connect(m_fold, &QPushButton::clicked, this, &ApprovalCard::foldToggled);
    m_layout->addWidget(m_head);
    connect(&context.theme, &theme::Theme::changed, this, [this] {
        update();
        Q_EMIT resized();
    });
    fill();
}

// A settled card is one line until somebody opens it; most are never opened, so the rest is made
// when it is needed.
void ApprovalCard::build()
{
    m_isBuilt = true;
    m_body = new QWidget(this);
    auto* body = new QVBoxLayout(m_body);
    body->setContentsMargins({});
    body->setSpacing(theme::space::related);
    m_layout->insertWidget(1, m_body);

    m_facts = new ApprovalFacts(m_context, m_approval, m_body);
    body->addWidget(m_facts, 1); // what is left over is theirs

    m_editArea = new QVBoxLayout;
    body->addLayout(m_editArea);
    m_rejectRow = new QWidget(m_body);
    auto* rejectLayout = new QVBoxLayout(m_rejectRow);
    rejectLayout->setContentsMargins({});
    m_reason = new QLineEdit(m_rejectRow);
    m_reason->setPlaceholderText(tr("Why not? The agent reads this."));
    m_reason->setAccessibleName(tr("Reason for rejecting, optional"));
    rejectLayout->addWidget(m_reason);
    body->addWidget(m_rejectRow);
    connect(m_reason, &QLineEdit::returnPressed, this, &ApprovalCard::reject);

    m_buttons = new ActionRow(m_context.theme, this);
    const auto button = [&](const QString& icon, const QString& name) {
        auto* made = new QPushButton(m_buttons);
        made->setAutoDefault(false);
        made->setObjectName(name);
        if (!icon.isEmpty()) {
            made->setIcon(m_context.theme.icon(icon));
        }
        made->installEventFilter(this);
        m_buttons->buttons().addWidget(made);
        return made;
    };
    auto* journal = new QPushButton(m_context.theme.icon(u"journal"_s), {}, m_body);
    journal->setObjectName(u"journalLink"_s);
    journal->setAutoDefault(false);
    journal->setFlat(true);
    journal->installEventFilter(this);
    body->addWidget(journal, 0, Qt::AlignLeading);
    journal->setText(tr("Entry %1").arg(m_approval.requestSeq));
    journal->setToolTip(tr("Show the question in the journal"));
    journal->setVisible(m_approval.requestSeq > 0);
    connect(journal, &QPushButton::clicked, this, [this] {
        Q_EMIT linkActivated({Link::To::Entry, m_approval.agent, {}, m_approval.requestSeq});
    });
    m_backButton = button({}, u"back"_s);
    m_backButton->setText(tr("Back"));
    m_rejectButton = button(u"cross"_s, u"reject"_s);
    m_editButton = button(u"edit"_s, u"edit"_s);
    m_editButton->setText(tr("Edit…"));
    if (isAboutAddress()) {
        m_foreverButton = button(u"approvals"_s, u"acceptForGood"_s);
        connect(m_foreverButton, &QPushButton::clicked, this, &ApprovalCard::acceptForGood);
    }
    m_acceptButton = button(u"check"_s, u"accept"_s);
    connect(m_backButton, &QPushButton::clicked, this, &ApprovalCard::leave);
    connect(m_rejectButton, &QPushButton::clicked, this, &ApprovalCard::reject);
    connect(m_editButton, &QPushButton::clicked, this, &ApprovalCard::edit);
    connect(m_acceptButton, &QPushButton::clicked, this, [this] { accept(); });
    auto* place = m_buttons->makePlace(m_body);
    body->addWidget(place);
    place->installEventFilter(this);
    m_body->installEventFilter(this);
}

void ApprovalCard::setApproval(const ApprovalInfo& approval)
{
    if (approval == m_approval) {
        return;
    }
    const bool wasWaiting = m_approval.state == ApprovalState::Waiting;
    m_approval = approval;
    if (wasWaiting && approval.state != ApprovalState::Waiting && m_mode != Mode::Sending) {
        m_mode = Mode::Idle; // somebody else was first: what was begun here is void
        m_dwell.reset();
        m_disarm.reset();
        delete m_editor;
    } else if (m_mode != Mode::Sending) {
        // What was confirmed or edited was another question than the one that stands there now.
        leave();
        leave();
    }
    fill();
}

void ApprovalCard::setFolded(bool isFolded)
{
    const bool folds = isFolded && m_approval.state != ApprovalState::Waiting;
    if (folds != m_isFolded) {
        m_isFolded = folds;
        fill();
    }
}

void ApprovalCard::fill()
{
    if (!m_isFolded && !m_isBuilt) {
        build();
    }
    if (m_facts != nullptr && m_facts->approval() != m_approval) {
        auto* old = std::exchange(m_facts, new ApprovalFacts(m_context, m_approval, m_body));
        delete m_body->layout()->replaceWidget(old, m_facts);
        delete old;
    }
    const bool isWaiting = m_approval.state == ApprovalState::Waiting;
    const auto summary = widgets::visibleText(
        widgets::firstLine(m_approval.command.isEmpty() ? m_approval.tool : m_approval.command));
    m_badge->setSpec(isWaiting ? widgets::riskBadge(m_approval.risk)
                               : widgets::approvalBadge(m_approval.state));
    m_title->setText(m_isFolded ? summary : m_approval.tool);
    auto font = m_context.theme.body();
    font.setWeight(m_isFolded ? QFont::Normal : QFont::DemiBold);
    m_title->setFont(font);
    setAccessibleName(
        tr("%1, %2, %3: %4").arg(m_badge->spec().word, m_approval.agent, m_approval.tool, summary));
    setAccessibleDescription(m_approval.reason);
    m_fold->setVisible(!isWaiting);
    m_fold->setIcon(m_context.theme.icon(m_isFolded ? u"chevron-right"_s : u"chevron-down"_s));
    m_fold->setAccessibleName(m_isFolded ? tr("Show details") : tr("Hide details"));
    m_fold->setToolTip(m_fold->accessibleName());
    if (m_body != nullptr) {
        m_body->setVisible(!m_isFolded);
        m_buttons->setVisible(!m_isFolded);
    }
    showOutcome();
    showMode();
    tick();
    Q_EMIT resized();
}

void ApprovalCard::showOutcome()
{
    QString said;
    const auto by = models::deciderText(m_approval.by);
    switch (m_approval.state) {
    case ApprovalState::Waiting:
        break;
    case ApprovalState::Accepted:
        if (isAboutAddress() && protocol::isForGood(m_approval)) {
            said = m_sentHere ? tr("You allowed it from now on. Containment takes it back.")
                              : tr("Already decided by %1: allowed from now on. Containment takes "
                                   "it back.")
                                    .arg(by);
            break;
        }
        said = m_sentHere ? (m_approval.editedArguments ? tr("You accepted it as edited.")
                                                        : tr("You accepted it."))
                          : (m_approval.editedArguments
                                 ? tr("Already decided by %1: accepted as edited.").arg(by)
                                 : tr("Already decided by %1: accepted.").arg(by));
        break;
    case ApprovalState::Rejected:
        if (isAboutAddress()) {
            said = m_sentHere ? tr("You denied it.") : tr("Already decided by %1: denied.").arg(by);
            break;
        }
        said = m_sentHere ? tr("You rejected it.") : tr("Already decided by %1: rejected.").arg(by);
        break;
    case ApprovalState::Expired:
        said = tr("Nobody answered in time, so it was refused.");
        break;
    }
    if (!said.isEmpty() && !m_approval.note.isEmpty()) {
        said += u' ' + tr("Reason: %1").arg(m_approval.note);
    }
    const bool isShown = !said.isEmpty() && !m_isFolded;
    if (isShown && m_outcome == nullptr) {
        m_outcome = new WrappedText(m_context.theme, WrappedText::Look::Plain, tr("Outcome"), this);
        m_layout->addWidget(m_outcome);
    }
    if (m_outcome != nullptr) {
        m_outcome->setVisibleText(models::visibleText(said, models::Strictness::Prose));
        m_outcome->setVisible(isShown);
    }
}

bool ApprovalCard::needsSecondStep(Reach reach) const
{
    return reach == Reach::ForGood || m_approval.risk == Risk::High ||
           m_approval.risk == Risk::Critical;
}

bool ApprovalCard::isAboutAddress() const
{
    return !protocol::addressOf(m_approval).isEmpty();
}

// With hidden characters and look-alikes made visible.
QString ApprovalCard::addressText() const
{
    return models::visibleText(protocol::addressOf(m_approval), models::Strictness::Exact).text;
}

QString ApprovalCard::acceptText(Reach reach) const
{
    const bool isArmed = m_mode == Mode::Armed;
    if (m_mode == Mode::Sending && reach == m_reach) {
        return tr("Sending…");
    }
    if (isArmed && m_isDwelling && m_approval.risk == Risk::Critical) {
        return tr("Really accept? Wait a second…");
    }
    if (reach == Reach::ForGood) {
        const auto whole = isArmed ? tr("Really always allow %1").arg(addressText())
                                   : tr("Always allow %1").arg(addressText());
        // A name that is longer than the card is wide stands above, whole.
        const int room =
            m_answerWidth - 2 * theme::space::margin - theme::smallIcon - 4 * theme::space::related;
        if (QFontMetrics(font()).horizontalAdvance(whole) <= room) {
            return QString(whole).replace(u'&', u"&&"_s);
        }
        return isArmed ? tr("Really always allow it") : tr("Always allow it");
    }
    if (m_editor != nullptr) {
        return isArmed ? tr("Really accept as edited") : tr("Accept as edited");
    }
    if (isAboutAddress()) {
        return isArmed ? tr("Really accept once") : tr("Accept once");
    }
    return isArmed ? tr("Really accept") : tr("Accept");
}

void ApprovalCard::showMode()
{
    if (!m_isBuilt) {
        return;
    }
    const bool isWaiting = m_approval.state == ApprovalState::Waiting;
    // A disabled button loses the focus to its neighbour, where the next key press would mean
    // something else.
    if (m_buttons->isAncestorOf(QApplication::focusWidget()) &&
        (m_mode == Mode::Sending || m_isDwelling || !isWaiting)) {
        setFocus(Qt::OtherFocusReason);
    }
    const bool isSending = m_mode == Mode::Sending;
    m_rejectRow->setVisible(isWaiting && m_mode == Mode::Rejecting);
    m_backButton->setVisible(isWaiting && (m_mode == Mode::Rejecting || m_mode == Mode::Editing ||
                                           m_mode == Mode::Armed));
    m_rejectButton->setVisible(isWaiting && m_mode != Mode::Editing);
    const bool isAddress = isAboutAddress();
    m_rejectButton->setText(m_mode == Mode::Rejecting
                                ? isAddress ? tr("Deny now") : tr("Reject now")
                            : isAddress ? tr("Deny")
                                        : tr("Reject"));
    m_rejectButton->setEnabled(!isSending);
    m_editButton->setVisible(isWaiting && m_mode != Mode::Rejecting && m_editor == nullptr &&
                             !isAddress);
    m_editButton->setEnabled(!isSending);
    const bool canAccept = isWaiting && m_mode != Mode::Rejecting;
    const auto show = [&](QPushButton& button, Reach reach, bool isOffered) {
        // What was pressed once stands alone: nothing beside it is hit by mistake.
        button.setVisible(canAccept && isOffered && (m_mode != Mode::Armed || reach == m_reach));
        button.setText(acceptText(reach));
        button.setEnabled(!isSending && !m_isDwelling &&
                          (m_editor == nullptr || m_editor->canAccept()));
    };
    // Where nobody waits any more a yes for once would come to nothing.
    show(*m_acceptButton, Reach::Once, !isAddress || !protocol::isForGood(m_approval));
    if (m_foreverButton != nullptr) {
        show(*m_foreverButton, Reach::ForGood, true);
        m_foreverButton->setAccessibleName(m_mode == Mode::Armed
                                               ? tr("Really always allow %1").arg(addressText())
                                               : tr("Always allow %1").arg(addressText()));
        m_foreverButton->setToolTip(
            tr("%1 may reach it from now on; it is taken back under Containment")
                .arg(m_approval.agent.toHtmlEscaped()));
    }
    m_buttons->contentsChanged();
    placeAnswers();
}

void ApprovalCard::tick()
{
    const auto now = m_context.clock.nowUs();
    const bool isWaiting = m_approval.state == ApprovalState::Waiting;
    const auto since = isWaiting ? m_approval.requestedAt : m_approval.settledAt;
    m_age->setText(isWaiting ? tr("waits %1").arg(widgets::durationText(now - since))
                             : widgets::ageText(since, now));
    m_age->setToolTip(isWaiting ? tr("Asked %1").arg(widgets::exactTimeText(since))
                                : tr("Settled %1").arg(widgets::exactTimeText(since)));
    if (m_facts != nullptr) {
        m_facts->tick();
    }
}

void ApprovalCard::guardAgainstSlip()
{
    m_slidAt = m_context.clock.steadyUs();
}

bool ApprovalCard::hasFocusInside() const
{
    return hasFocus() || isAncestorOf(QApplication::focusWidget());
}

int ApprovalCard::heightFor(int width)
{
    if (width != m_answerWidth) {
        m_answerWidth = width; // the answers' words depend on the room that they have
        showMode();
    }
    m_layout->activate();
    return m_layout->hasHeightForWidth() ? m_layout->totalHeightForWidth(width)
                                         : m_layout->totalSizeHint().height();
}

void ApprovalCard::setVisibleBottom(int bottom)
{
    m_visibleBottom = bottom;
    placeAnswers();
}

int ApprovalCard::coveredHeight() const
{
    return m_buttons != nullptr && m_buttons->isStuck() ? m_buttons->height() : 0;
}

QRect ApprovalCard::answersRect() const
{
    return m_buttons != nullptr && m_buttons->isVisibleTo(this) ? m_buttons->geometry() : QRect();
}

void ApprovalCard::placeAnswers()
{
    if (m_buttons == nullptr || m_isFolded) {
        return;
    }
    const bool mayStick = m_approval.state == ApprovalState::Waiting;
    // Above them stays at least the line that says whose answers they are.
    m_buttons->settle(mayStick ? m_visibleBottom : QWIDGETSIZE_MAX,
                      m_head->geometry().bottom() + 1);
}

void ApprovalCard::accept()
{
    accept(isAboutAddress() && protocol::isForGood(m_approval) ? Reach::ForGood : Reach::Once);
}

void ApprovalCard::acceptForGood()
{
    if (isAboutAddress()) {
        accept(Reach::ForGood);
    }
}

void ApprovalCard::accept(Reach reach)
{
    if (m_approval.state != ApprovalState::Waiting || m_mode == Mode::Sending ||
        m_mode == Mode::Rejecting) {
        return;
    }
    if (m_editor != nullptr && !m_editor->canAccept()) {
        return;
    }
    if (needsSecondStep(reach) && (m_mode != Mode::Armed || reach != m_reach)) {
        disarm(); // the first step was another answer's
        arm(reach);
        return;
    }
    if (m_isDwelling) {
        return;
    }
    m_reach = reach;
    std::optional<QJsonObject> arguments;
    if (m_editor != nullptr) {
        arguments = m_editor->result().value();
    } else if (reach == Reach::ForGood && !protocol::isForGood(m_approval)) {
        arguments = protocol::addressArguments(protocol::addressOf(m_approval), true);
    }
    send(true, std::move(arguments), {});
}

void ApprovalCard::arm(Reach reach)
{
    m_reach = reach;
    m_mode = Mode::Armed;
    m_isDwelling = true;
    const auto dwell = m_approval.risk == Risk::Critical ? criticalDwell : highDwell;
    m_dwell = m_context.clock.after(dwell, m_executor, [self = QPointer(this)] {
        if (self && self->m_mode == Mode::Armed) {
            self->m_isDwelling = false;
            self->showMode();
        }
    });
    m_disarm = m_context.clock.after(armedFor, m_executor, [self = QPointer(this)] {
        if (self && self->m_mode == Mode::Armed) {
            self->leave();
        }
    });
    showProblem({});
    showMode();
    Q_EMIT resized();
    Q_EMIT attention(m_buttons);
}

void ApprovalCard::edit()
{
    if (m_approval.state != ApprovalState::Waiting || m_editor != nullptr ||
        m_mode == Mode::Sending || isAboutAddress()) {
        return; // of an address nothing can be edited but for how long, which has buttons
    }
    leave();
    m_mode = Mode::Editing;
    m_editor =
        new ArgumentsEditor(m_context.theme, m_approval.arguments, m_approval.schema, m_body);
    m_editArea->addWidget(m_editor);
    connect(m_editor, &ArgumentsEditor::edited, this, [this] {
        if (m_mode == Mode::Armed) {
            leave(); // what was confirmed once is not what stands there now
        }
        showMode();
        Q_EMIT resized();
    });
    m_editor->show();
    showProblem({});
    showMode();
    m_editor->start();
    Q_EMIT resized();
    Q_EMIT attention(m_editor);
}

void ApprovalCard::reject()
{
    if (m_approval.state != ApprovalState::Waiting || m_mode == Mode::Sending) {
        return;
    }
    if (m_mode != Mode::Rejecting) {
        leave();
        leave();
        m_mode = Mode::Rejecting;
        showProblem({});
        showMode();
        m_reason->setFocus(Qt::TabFocusReason);
        Q_EMIT resized();
        Q_EMIT attention(m_rejectRow);
        return;
    }
    send(false, std::nullopt, m_reason->text().trimmed());
}

bool ApprovalCard::leave()
{
    m_dwell.reset();
    m_disarm.reset();
    m_isDwelling = false;
    const bool hadFocus = hasFocusInside();
    switch (m_mode) {
    case Mode::Idle:
    case Mode::Sending:
        return false;
    case Mode::Armed:
        m_mode = m_editor != nullptr ? Mode::Editing : Mode::Idle;
        break;
    case Mode::Rejecting:
        m_mode = Mode::Idle;
        break;
    case Mode::Editing:
        m_mode = Mode::Idle;
        delete m_editor;
        break;
    }
    if (hadFocus && m_mode == Mode::Idle) {
        setFocus(Qt::OtherFocusReason);
    }
    showMode();
    Q_EMIT resized();
    return true;
}

void ApprovalCard::disarm()
{
    if (m_mode == Mode::Armed) {
        leave();
    }
}

void ApprovalCard::send(bool isAccepted, std::optional<QJsonObject> arguments, const QString& note)
{
    m_dwell.reset();
    m_disarm.reset();
    m_isDwelling = false;
    m_mode = Mode::Sending;
    showProblem({});
    showMode();
    m_sentHere = true; // the event may come before the answer
    protocol::SettleApproval command;
    command.id = m_approval.id;
    command.accept = isAccepted;
    command.arguments = std::move(arguments);
    command.note = note;
    command.by = u"window"_s;
    m_context.bridge.request(std::move(command), this, [this](Result<ApprovalInfo> reply) {
        answered(std::move(reply));
    });
}

void ApprovalCard::answered(Result<ApprovalInfo> reply)
{
    m_mode = Mode::Idle;
    if (reply) {
        delete m_editor;
        m_approval = *reply;
        fill();
        Q_EMIT settled(*reply);
        return;
    }
    m_sentHere = false;
    fill();
    showProblem(reply.error().message);
    if (m_editor != nullptr && m_approval.state == ApprovalState::Waiting) {
        m_mode = Mode::Editing; // the work on the arguments is not lost
        showMode();
    }
    if (reply.error().code != ErrorCode::Conflict || m_approval.state != ApprovalState::Waiting) {
        return;
    }
    m_context.bridge.request(
        protocol::GetApproval{m_approval.id}, this, [this](Result<ApprovalInfo> known) {
            if (known && known->state != ApprovalState::Waiting) {
                showProblem({});
                delete m_editor;
                m_mode = Mode::Idle;
                m_approval = *known;
                fill();
                Q_EMIT settled(*known);
            }
        });
}

void ApprovalCard::showProblem(const QString& problem)
{
    if (m_problem == nullptr && problem.isEmpty()) {
        return;
    }
    if (m_problem == nullptr) {
        m_problem =
            new WrappedText(m_context.theme, WrappedText::Look::Failure, tr("Problem"), this);
        m_layout->addWidget(m_problem);
    }
    m_problem->setVisible(!problem.isEmpty());
    m_problem->setVisibleText(
        models::visibleText(tr("It was not done: %1").arg(problem), models::Strictness::Prose));
    m_problem->setAccessibleName(problem);
    Q_EMIT resized();
    if (!problem.isEmpty()) {
        Q_EMIT attention(m_problem);
    }
}

void ApprovalCard::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool isCurrent = hasFocusInside();
    const QRectF frame = QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5);
    painter.setBrush(palette().color(QPalette::Base));
    painter.setPen(isCurrent ? QPen(m_context.theme.colour(Tone::Accent), 1.5)
                             : QPen(m_context.theme.hairline()));
    painter.drawRoundedRect(frame, theme::cornerRadius, theme::cornerRadius);
}

void ApprovalCard::focusInEvent(QFocusEvent* event)
{
    QWidget::focusInEvent(event);
    update();
}

void ApprovalCard::focusOutEvent(QFocusEvent* event)
{
    QWidget::focusOutEvent(event);
    update();
}

void ApprovalCard::mousePressEvent(QMouseEvent* event)
{
    setFocus(Qt::MouseFocusReason); // selecting never acts
    event->accept();
}

void ApprovalCard::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Escape && leave()) {
        event->accept();
        return;
    }
    if (event->key() == Qt::Key_Space && hasFocus() && m_approval.state != ApprovalState::Waiting) {
        Q_EMIT foldToggled();
        event->accept();
        return;
    }
    QWidget::keyPressEvent(event);
}

bool ApprovalCard::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::Move || event->type() == QEvent::Resize) {
        placeAnswers();
    } else if (event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool isReturn = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        // Some desktops let Return press a button; here it never may. A key that is held down is no
        // second step.
        if ((watched == m_acceptButton || watched == m_foreverButton) &&
            (isReturn || key->isAutoRepeat())) {
            return true;
        }
    } else if (event->type() == QEvent::MouseButtonPress ||
               event->type() == QEvent::MouseButtonDblClick) {
        const Milliseconds guard = slideGuard;
        if (m_slidAt >= 0 && m_context.clock.steadyUs() - m_slidAt < guard.count() * 1000) {
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace sb::panels
