#include "ui/panels/workers/WorkerDetails.h"

#include "ui/models/Words.h"
#include "ui/panels/parts/FlowLayout.h"
#include "ui/panels/parts/TailView.h"
#include "ui/widgets/Badge.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"
#include "ui/widgets/PlainLine.h"

#include <QBoxLayout>
#include <QClipboard>
#include <QGuiApplication>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScopedValueRollback>
#include <QTabWidget>
#include <QTextDocument>

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::ProcessInfo;
using protocol::ProcessState;
using theme::Tone;
using widgets::ToneLabel;

WorkerDetails::WorkerDetails(const Context& context, QWidget* parent)
    : QWidget(parent)
    , m_context(context)
    , m_badge(new widgets::Badge(context.theme, {}, this))
    , m_title(new widgets::ElidedLabel({}, Qt::ElideRight, this))
    , m_problem(new ToneLabel(context.theme, ToneLabel::Role::Body, Tone::Failed, {}, this))
    , m_cancel(new QPushButton(this))
    , m_copy(new QPushButton(tr("Copy task"), this))
    , m_journal(new QPushButton(tr("Journal"), this))
    , m_tabs(new QTabWidget(this))
    , m_tail(new TailView(context.theme, m_tabs))
    , m_text(new QPlainTextEdit(m_tabs))
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, theme::space::related, 0, 0);
    layout->setSpacing(theme::space::inside);
    auto* head = new QHBoxLayout;
    head->setContentsMargins(theme::space::margin, 0, theme::space::margin, 0);
    head->setSpacing(theme::space::related);
    head->addWidget(m_badge);
    head->addWidget(m_title, 1);
    layout->addLayout(head);
    auto* buttons = new QWidget(this);
    auto* row = new FlowLayout(buttons);
    row->setContentsMargins(theme::space::margin, 0, theme::space::margin, 0);
    for (auto* button : {m_cancel, m_copy, m_journal}) {
        button->setAutoDefault(false);
        row->addWidget(button);
    }
    layout->addWidget(buttons);
    m_problem->setMinimumWidth(1);
    m_problem->setContentsMargins(theme::space::margin, 0, theme::space::margin, 0);
    m_problem->hide();
    layout->addWidget(m_problem);
    layout->addWidget(m_tabs, 1);
    m_tabs->setDocumentMode(true);
    m_tabs->addTab(m_tail, tr("Output"));
    m_tabs->addTab(m_text, tr("Task and result"));
    m_tabs->setAccessibleName(tr("Details of the worker"));
    m_text->setReadOnly(true);
    m_text->setFrameShape(QFrame::NoFrame);
    m_text->setTabChangesFocus(true);
    m_text->setAccessibleName(tr("Task and result"));
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_text->setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    m_text->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_text->document()->setDocumentMargin(theme::space::margin);
    m_cancel->setIcon(context.theme.icon(u"stop"_s));
    m_copy->setIcon(context.theme.icon(u"copy"_s));
    m_journal->setIcon(context.theme.icon(u"journal"_s));
    m_cancel->setObjectName(u"cancelWorker"_s);
    m_journal->setToolTip(tr("Show the start of this worker in the journal"));
    connect(m_tabs, &QTabWidget::currentChanged, this, [this] {
        m_hasPicked = m_hasPicked || !m_isPicking;
    });
    connect(m_cancel, &QPushButton::clicked, this, &WorkerDetails::cancel);
    connect(m_copy, &QPushButton::clicked, this, [this] {
        QGuiApplication::clipboard()->setText(m_info.task);
    });
    connect(m_journal, &QPushButton::clicked, this, [this] {
        Q_EMIT linkActivated({Link::To::Entry, m_info.agent, {}, m_info.startedSeq});
    });
}

void WorkerDetails::show(const ProcessInfo& info)
{
    const bool isAnother = info.id != m_info.id || info.agent != m_info.agent;
    if (!isAnother && info == m_info) {
        return;
    }
    m_info = info;
    if (isAnother) {
        m_isCancelling = false;
        m_hasPicked = false;
        showProblem({});
        askForOutput();
    }
    fill();
}

void WorkerDetails::askForOutput()
{
    m_hasTail = false;
    m_tail->setTail({});
    m_tail->setPlaceholderText(tr("Loading the output…"));
    m_context.bridge.request(
        protocol::GetOutput{m_info.agent, m_info.id},
        this,
        [this, asked = ++m_asked](Result<protocol::GetOutput::Reply> reply) {
            if (asked != m_asked) {
                return;
            }
            m_hasTail = true;
            m_tail->setTail(reply ? reply->text : QString());
            m_tail->setPlaceholderText(
                reply ? tr("Nothing was printed yet.")
                      : tr("The output cannot be shown: %1").arg(reply.error().message));
            pickTab();
        });
}

void WorkerDetails::appendOutput(const QList<protocol::OutputTail>& tails)
{
    // Until the ring has come these are in it already: its answer keeps its place among the events.
    if (!m_hasTail) {
        return;
    }
    for (const auto& tail : tails) {
        if (tail.process == m_info.id && tail.agent == m_info.agent) {
            m_tail->appendTail(tail.text);
        }
    }
    pickTab();
}

void WorkerDetails::pickTab()
{
    if (m_hasPicked || !m_hasTail) {
        return;
    }
    const bool hasPrinted = !m_tail->document()->isEmpty();
    const bool saysMore = !m_info.status.isEmpty() || !m_info.result.isEmpty();
    const QScopedValueRollback picking(m_isPicking, true);
    m_tabs->setCurrentWidget(hasPrinted || !saysMore ? static_cast<QWidget*>(m_tail) : m_text);
}

bool WorkerDetails::canCancel() const
{
    return (m_info.state == ProcessState::Running ||
            m_info.state == ProcessState::WaitingApproval) &&
           !m_isCancelling && !m_info.id.isEmpty();
}

void WorkerDetails::cancel()
{
    if (!canCancel()) {
        return;
    }
    m_isCancelling = true;
    showProblem({});
    fill();
    m_context.bridge.request(protocol::CancelProcess{m_info.agent, m_info.id, u"window"_s},
                             this,
                             [this, id = m_info.id](const Result<protocol::Done>& reply) {
                                 if (!reply && id == m_info.id) {
                                     m_isCancelling = false;
                                     showProblem(
                                         tr("It was not cancelled: %1").arg(reply.error().message));
                                     fill();
                                 }
                             });
}

QString WorkerDetails::wholeText() const
{
    QStringList lines{m_info.task.trimmed(), QString()};
    if (!m_info.result.isEmpty()) {
        lines += {m_info.state == ProcessState::Failed ? tr("Why it failed") : tr("Result"),
                  m_info.result.trimmed(),
                  QString()};
    }
    if (!m_info.status.isEmpty()) {
        lines += {tr("Last status: %1").arg(m_info.status)};
    }
    lines += {tr("Agent: %1").arg(m_info.agent),
              tr("Started: %1").arg(widgets::exactTimeText(m_info.startedAt))};
    if (m_info.endedAt != 0) {
        lines += {tr("Ended: %1").arg(widgets::exactTimeText(m_info.endedAt))};
    }
    lines += {tr("Tool calls: %1").arg(widgets::countText(m_info.toolCalls)),
              tr("Model calls: %1, %2 tokens read, %3 written")
                  .arg(widgets::countText(m_info.modelCalls),
                       widgets::countText(m_info.inputTokens),
                       widgets::countText(m_info.outputTokens)),
              tr("Id: %1").arg(m_info.id)};
    return widgets::visibleText(lines.join(u'\n'));
}

void WorkerDetails::fill()
{
    const bool isAlive =
        m_info.state == ProcessState::Running || m_info.state == ProcessState::WaitingApproval;
    m_isCancelling = m_isCancelling && isAlive;
    m_badge->setSpec(widgets::stateBadge(m_info.state));
    m_title->setText(widgets::visibleText(widgets::plainLine(m_info.task)));
    m_cancel->setVisible(isAlive);
    m_cancel->setEnabled(canCancel());
    m_cancel->setText(m_isCancelling ? tr("Cancelling…") : tr("Cancel"));
    m_journal->setVisible(m_info.startedSeq > 0);
    if (const auto text = wholeText(); text != m_text->toPlainText()) {
        m_text->setPlainText(text);
    }
    pickTab();
}

void WorkerDetails::showProblem(const QString& problem)
{
    m_problem->setText(problem);
    m_problem->setVisible(!problem.isEmpty());
}

} // namespace sb::panels
