#include "ui/panels/memory/IngestBar.h"

#include "ui/models/MemoryWords.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QGridLayout>
#include <QProgressBar>
#include <QPushButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

using theme::Tone;
using widgets::ToneLabel;

namespace {

constexpr int mostProblems = 12; // sentences in a tooltip

} // namespace

IngestBar::IngestBar(const Context& context, QWidget* parent)
    : QWidget(parent), m_context(context), m_grid(new QGridLayout(this))
{
    setObjectName(u"ingests"_s);
    m_grid->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    m_grid->setHorizontalSpacing(theme::space::related);
    m_grid->setVerticalSpacing(theme::space::inside);
    m_grid->setColumnStretch(1, 2);
    m_grid->setColumnStretch(2, 2);
    m_grid->setColumnStretch(3, 3);
    hide();
    connect(&context.bridge,
            &bridge::Bridge::memoryIngest,
            this,
            [this](const protocol::MemoryIngest& progress) { show(progress.job); });
}

void IngestBar::setAgent(const QString& agent)
{
    if (agent == m_agent) {
        return;
    }
    m_agent = agent;
    for (const auto& id : m_rows.keys()) {
        remove(id);
    }
    m_context.bridge.request(protocol::ListIngests{agent},
                             this,
                             [this](const Result<protocol::IngestPaths::Reply>& reply) {
                                 if (reply) { // without it there is only nothing to show
                                     for (const auto& job : reply->jobs) {
                                         if (job.state == "running"_L1) {
                                             show(job);
                                         }
                                     }
                                 }
                             });
}

void IngestBar::read(const QStringList& paths)
{
    m_context.bridge.request(
        protocol::IngestPaths{m_agent, paths, u"owner"_s},
        this,
        [this](const Result<protocol::IngestPaths::Reply>& reply) {
            if (!reply) {
                Q_EMIT failed(tr("Nothing was read: %1").arg(reply.error().message));
                return;
            }
            for (const auto& job : reply->jobs) {
                if (!m_rows.contains(job.id)) { // its news may have been quicker
                    show(job);
                }
            }
        });
}

void IngestBar::show(const protocol::IngestInfo& job)
{
    if (job.agent != m_agent || m_closed.contains(job.id)) {
        return;
    }
    auto& theme = m_context.theme;
    Row& row = m_rows[job.id];
    if (row.bar == nullptr) {
        row.icon = new QLabel(this);
        row.path = new widgets::ElidedLabel(widgets::visibleText(job.path), Qt::ElideMiddle, this);
        row.bar = new QProgressBar(this);
        row.bar->setTextVisible(false);
        row.bar->setRange(0, 1000); // bytes do not fit into its int
        row.bar->setAccessibleName(tr("Progress of reading %1").arg(job.path));
        row.words = new ToneLabel(theme, ToneLabel::Role::Secondary, Tone::Secondary, {}, this);
        row.words->setMinimumWidth(1);
        row.button = new QPushButton(this);
        row.button->setAutoDefault(false);
        connect(row.button, &QPushButton::clicked, this, [this, id = job.id] { press(id); });
        const int line = m_grid->rowCount();
        const QList<QWidget*> parts{row.icon, row.path, row.bar, row.words, row.button};
        for (int column = 0; column < int(parts.size()); ++column) {
            m_grid->addWidget(parts.at(column), line, column);
            parts.at(column)->show();
        }
    }
    row.isRunning = job.state == "running"_L1;
    const bool isFailed = job.state == "failed"_L1;
    const bool hasProblems = !job.problems.isEmpty();
    const Tone tone = isFailed ? Tone::Failed : hasProblems ? Tone::Waiting : Tone::Secondary;
    row.icon->setPixmap(theme.pixmap(isFailed        ? u"failed"_s
                                     : row.isRunning ? u"running"_s
                                     : hasProblems   ? u"warning"_s
                                                     : u"done"_s,
                                     theme.iconSize(),
                                     theme.colour(tone),
                                     devicePixelRatioF()));
    row.bar->setVisible(row.isRunning);
    if (job.bytes > 0) {
        row.bar->setValue(int(std::min(job.bytesDone, job.bytes) * 1000 / job.bytes));
    }
    QString words = models::ingestText(job);
    if (job.state == "stopped"_L1) {
        words = tr("Stopped: %1").arg(words);
    } else if (isFailed) {
        words = tr("Failed: %1").arg(job.problems.value(0));
    } else if (!row.isRunning) {
        words = tr("Read: %1").arg(words);
    }
    if (hasProblems && !isFailed) {
        words += tr("; %n could not be read: %1", nullptr, int(job.problems.size()))
                     .arg(job.problems.first());
    }
    row.words->setText(widgets::visibleText(words));
    row.words->setTone(tone);
    row.words->setToolTip(widgets::visibleText(job.problems.mid(0, mostProblems).join(u'\n')));
    row.button->setText(row.isRunning ? tr("Stop") : tr("Close"));
    row.button->setAccessibleName(row.isRunning ? tr("Stop reading %1").arg(job.path)
                                                : tr("Close the line about %1").arg(job.path));
    QWidget::show();
}

void IngestBar::press(const QString& id)
{
    if (!m_rows.value(id).isRunning) {
        m_closed.append(id);
        remove(id);
        return;
    }
    m_context.bridge.request(
        protocol::StopIngest{id}, this, [this](const Result<protocol::IngestInfo>& reply) {
            if (reply) {
                show(*reply);
            } else {
                Q_EMIT failed(tr("It goes on: %1").arg(reply.error().message));
            }
        });
}

void IngestBar::remove(const QString& id)
{
    const Row row = m_rows.take(id);
    for (QWidget* part :
         std::initializer_list<QWidget*>{row.icon, row.path, row.bar, row.words, row.button}) {
        part->hide();
        part->deleteLater();
    }
    setVisible(!m_rows.isEmpty());
}

} // namespace sb::panels
