#include "ui/panels/journal/ReportBar.h"

#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QClipboard>
#include <QGridLayout>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>

using namespace Qt::StringLiterals;

namespace sb::panels {

using theme::Tone;
using widgets::ToneLabel;

namespace {

constexpr int linesShown = 3; // more of them scroll

// A check takes milliseconds; "0.0 s" would say that nothing was done.
QString checkTime(double seconds)
{
    if (seconds >= 1) {
        return widgets::durationText(qint64(seconds * 1e6));
    }
    const auto milliseconds = qint64(seconds * 1000);
    return milliseconds < 1 ? ReportBar::tr("less than 1 ms")
                            : ReportBar::tr("%1 ms").arg(widgets::countText(milliseconds));
}

QString shortHash(const QString& hash)
{
    return hash.size() <= 20 ? hash : QString(hash.first(8) + u'…' + hash.last(8));
}

} // namespace

ReportBar::ReportBar(const Context& context, QWidget* parent)
    : QWidget(parent)
    , m_context(context)
    , m_words(new ToneLabel(context.theme, ToneLabel::Role::Body, Tone::Text, {}, this))
    , m_progress(new QProgressBar(this))
    , m_scroll(new QScrollArea(this))
    , m_lines(new QWidget)
    , m_grid(new QGridLayout(m_lines))
    , m_close(new QPushButton(context.theme.icon(u"cross"_s), {}, this))
{
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    layout->setSpacing(theme::space::related);
    auto* left = new QVBoxLayout;
    left->addWidget(m_words);
    left->addWidget(m_progress);
    left->addWidget(m_scroll);
    m_scroll->setWidget(m_lines);
    m_scroll->setWidgetResizable(true);
    m_scroll->setFrameShape(QFrame::NoFrame);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_scroll->setFocusPolicy(Qt::NoFocus); // its lines and buttons are reached by themselves
    m_scroll->setAccessibleName(tr("Report"));
    m_scroll->viewport()->setAutoFillBackground(false);
    m_lines->setAutoFillBackground(false);
    layout->addLayout(left, 1);
    layout->addWidget(m_close, 0, Qt::AlignTop);
    m_grid->setContentsMargins({});
    m_grid->setColumnStretch(1, 1);
    m_grid->setHorizontalSpacing(theme::space::related);
    m_grid->setVerticalSpacing(theme::space::inside);
    m_words->setMinimumWidth(1);
    m_progress->setTextVisible(false);
    m_progress->setMaximumHeight(theme::space::related);
    m_progress->setAccessibleName(tr("Progress of the check"));
    m_close->setAutoDefault(false);
    m_close->setFlat(true);
    m_close->setToolTip(tr("Close the report"));
    m_close->setAccessibleName(tr("Close the report"));
    connect(m_close, &QPushButton::clicked, this, &QWidget::hide);
    connect(&context.bridge, &bridge::Bridge::verifyProgress, this, &ReportBar::progressed);
    hide();
}

void ReportBar::start(const QString& words)
{
    clearLines();
    m_isRunning = true;
    m_startedAt = m_context.clock.steadyUs();
    m_words->setText(words);
    m_words->show();
    m_progress->setRange(0, 0);
    m_progress->show();
    m_close->hide();
    show();
    Q_EMIT runningChanged();
}

void ReportBar::finish()
{
    m_isRunning = false;
    m_words->hide();
    m_progress->hide();
    m_close->show();
    Q_EMIT runningChanged();
}

void ReportBar::verify(const QString& agent)
{
    if (m_isRunning) {
        return;
    }
    start(agent.isEmpty() ? tr("Reading every chain back from disk…")
                          : tr("Reading the chain of %1 back from disk…").arg(agent));
    m_context.bridge.request(
        protocol::VerifyJournal{agent},
        this,
        [this](const Result<protocol::VerifyJournal::Reply>& reply) {
            finish();
            if (!reply) {
                addLine(u"failed"_s,
                        Tone::Failed,
                        tr("The journal could not be checked: %1").arg(reply.error().message));
                return;
            }
            if (reply->reports.isEmpty()) {
                addLine(
                    u"info"_s, Tone::Secondary, tr("There is no entry yet that could be checked."));
            }
            // What is broken comes first, however many chains hold.
            QList<protocol::VerifyReport> held;
            for (const auto& report : reply->reports) {
                if (report.ok) {
                    held.append(report);
                } else {
                    addReport(report);
                }
            }
            if (held.size() > 1) {
                addSummary(held, held.size() == reply->reports.size());
            } else if (!held.isEmpty()) {
                addReport(held.first());
            }
        });
}

void ReportBar::addReport(const protocol::VerifyReport& report)
{
    if (!report.ok) {
        addLine(u"failed"_s,
                Tone::Failed,
                report.message,
                {Link::To::Entry, report.agent, {}, report.firstBad});
        return;
    }
    const auto rate = report.seconds > 0 ? qint64(double(report.entries) / report.seconds) : 0;
    auto text =
        tr("%1: all %2 entries hold, checked in %3.")
            .arg(report.agent, widgets::countText(report.entries), checkTime(report.seconds));
    if (rate > 0 && report.seconds > 0.5) {
        text += u' ' + tr("That is %1 a second.").arg(widgets::countText(rate));
    }
    if (report.erased > 0) {
        text +=
            u' ' + tr("%1 payloads were erased on purpose.").arg(widgets::countText(report.erased));
    }
    if (!report.head.isEmpty()) {
        text += u' ' + tr("Head %1").arg(shortHash(report.head));
    }
    addLine(u"verify"_s, Tone::Done, text);
    if (!report.head.isEmpty()) {
        const int row = m_grid->rowCount() - 1;
        m_grid->itemAtPosition(row, 1)->widget()->setToolTip(tr("Head %1").arg(report.head));
        auto* copy = new QPushButton(m_context.theme.icon(u"copy"_s), {}, m_lines);
        copy->setFlat(true);
        copy->setAccessibleName(tr("Copy the head of %1").arg(report.agent));
        copy->setToolTip(tr("Copy the head %1").arg(report.head));
        connect(copy, &QPushButton::clicked, this, [head = report.head] {
            QGuiApplication::clipboard()->setText(head);
        });
        addButton(row, copy);
    }
}

void ReportBar::addSummary(const QList<protocol::VerifyReport>& held, bool areAll)
{
    qint64 entries = 0;
    double seconds = 0;
    for (const auto& report : held) {
        entries += report.entries;
        seconds += report.seconds;
    }
    const auto words = areAll ? tr("All %1 chains hold: %2 entries, checked in %3.")
                              : tr("The other %1 chains hold: %2 entries, checked in %3.");
    addLine(u"verify"_s,
            Tone::Done,
            words.arg(
                widgets::countText(held.size()), widgets::countText(entries), checkTime(seconds)));
    auto* fold = new QPushButton(m_lines);
    fold->setFlat(true);
    const auto showFold = [this, fold](bool isOpen) {
        fold->setIcon(m_context.theme.icon(isOpen ? u"chevron-down"_s : u"chevron-right"_s));
        fold->setAccessibleName(isOpen ? tr("Hide each chain") : tr("Show each chain"));
        fold->setToolTip(fold->accessibleName());
    };
    showFold(false);
    addButton(m_grid->rowCount() - 1, fold);
    m_isFolding = true;
    for (const auto& report : held) {
        addReport(report);
    }
    m_isFolding = false;
    connect(fold, &QPushButton::clicked, this, [this, showFold] {
        const bool mustShow = m_folded.first()->isHidden();
        for (auto* part : std::as_const(m_folded)) {
            part->setVisible(mustShow);
        }
        showFold(mustShow);
        fit();
    });
    fit();
}

void ReportBar::addButton(int row, QPushButton* button)
{
    button->setAutoDefault(false);
    m_grid->addWidget(button, row, 2);
    button->setVisible(!m_isFolding);
    if (m_isFolding) {
        m_folded.append(button);
    }
    fit();
}

void ReportBar::exportTo(const QString& agent, const QString& path)
{
    if (m_isRunning) {
        return;
    }
    start(tr("Writing the chain of %1 to %2…").arg(agent, path));
    m_context.bridge.request(
        protocol::ExportJournal{agent, path},
        this,
        [this](const Result<protocol::ExportJournal::Reply>& reply) {
            finish();
            if (reply) {
                addLine(u"save"_s,
                        Tone::Done,
                        tr("%1 entries with their proofs were written to %2.")
                            .arg(widgets::countText(reply->entries), reply->path));
            } else {
                addLine(u"failed"_s,
                        Tone::Failed,
                        tr("The journal was not exported: %1").arg(reply.error().message));
            }
        });
}

void ReportBar::progressed(const protocol::VerifyProgress& progress)
{
    if (!m_isRunning || progress.total <= 0) {
        return;
    }
    const double seconds = double(m_context.clock.steadyUs() - m_startedAt) / 1e6;
    const auto rate = seconds > 0.2 ? qint64(double(progress.done) / seconds) : 0;
    m_words->setText(rate > 0 ? tr("Checking %1: %2 of %3 entries, %4 a second")
                                    .arg(progress.agent,
                                         widgets::countText(progress.done),
                                         widgets::countText(progress.total),
                                         widgets::countText(rate))
                              : tr("Checking %1: %2 of %3 entries")
                                    .arg(progress.agent,
                                         widgets::countText(progress.done),
                                         widgets::countText(progress.total)));
    // A thousand steps do: the bar counts in int, a chain in 64 bits.
    m_progress->setRange(0, 1000);
    m_progress->setValue(
        int(std::min<qint64>(progress.done, progress.total) * 1000 / progress.total));
}

void ReportBar::addLine(const QString& icon, Tone tone, const QString& text, const Link& link)
{
    const int row = m_grid->rowCount();
    auto* picture = new QLabel(m_lines);
    picture->setPixmap(m_context.theme.pixmap(
        icon,
        std::max(theme::smallIcon, QFontMetrics(m_context.theme.body()).ascent()),
        m_context.theme.colour(tone),
        devicePixelRatioF()));
    auto* words = new ToneLabel(m_context.theme,
                                ToneLabel::Role::Body,
                                tone == Tone::Failed ? tone : Tone::Text,
                                widgets::visibleText(text),
                                m_lines);
    words->setMinimumWidth(1);
    words->setObjectName(u"reportLine"_s);
    m_grid->addWidget(picture, row, 0);
    m_grid->addWidget(words, row, 1);
    if (link.seq > 0) {
        auto* jump = new QPushButton(tr("Show entry %1").arg(link.seq), m_lines);
        jump->setObjectName(u"showBad"_s);
        connect(jump, &QPushButton::clicked, this, [this, link] { Q_EMIT linkActivated(link); });
        addButton(row, jump);
    }
    if (m_isFolding) {
        for (QWidget* part : std::initializer_list<QWidget*>{picture, words}) {
            part->hide();
            m_folded.append(part);
        }
    }
    m_scroll->show();
    fit();
}

void ReportBar::fit()
{
    m_grid->activate();
    const int width = std::max(1, m_scroll->viewport()->width());
    const int needed =
        m_grid->hasHeightForWidth() ? m_grid->heightForWidth(width) : m_grid->sizeHint().height();
    const int line = m_close->sizeHint().height() + m_grid->verticalSpacing();
    m_scroll->setFixedHeight(std::min(needed, linesShown * line));
}

void ReportBar::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    fit();
}

void ReportBar::clearLines()
{
    qDeleteAll(m_lines->findChildren<QWidget*>(Qt::FindDirectChildrenOnly));
    m_folded.clear();
    m_scroll->hide();
}

void ReportBar::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Escape && !m_isRunning) {
        hide();
        return;
    }
    QWidget::keyPressEvent(event);
}

} // namespace sb::panels
