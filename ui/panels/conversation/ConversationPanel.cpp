#include "ui/panels/conversation/ConversationPanel.h"

#include "core/base/Ids.h"
#include "ui/panels/conversation/Composer.h"
#include "ui/panels/conversation/FindBar.h"
#include "ui/panels/conversation/Transcript.h"
#include "ui/panels/conversation/TranscriptView.h"
#include "ui/widgets/CodeHighlighter.h"
#include "ui/widgets/Labels.h"
#include "ui/widgets/PlainLine.h"
#include "ui/widgets/StateFile.h"

#include <QApplication>
#include <QBoxLayout>
#include <QClipboard>
#include <QDesktopServices>
#include <QMenu>
#include <QPushButton>
#include <QTimer>
#include <QUrl>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace space = theme::space;
using widgets::ToneLabel;

namespace {

constexpr int keptTranscripts = 12;
constexpr int pageSize = 200;
constexpr qsizetype maximumStream = 1'000'000;

QString keyOf(const QString& agent, const QString& channel)
{
    return agent + u'/' + channel;
}

} // namespace

ConversationPanel::ConversationPanel(const Context& context, QWidget* parent)
    : Panel(context, u"conversation"_s, tr("Conversation"), u"conversation"_s, parent)
    , m_state(std::make_unique<widgets::StateFile>(context.stateDir + u"/conversations.json"_s))
{
    auto& theme = context.theme;
    auto* content = new QWidget(this);
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins({});
    layout->setSpacing(0);

    auto* header = new QWidget(content);
    auto* headerLayout = new QVBoxLayout(header);
    headerLayout->setContentsMargins(space::margin, space::related, space::margin, space::related);
    headerLayout->setSpacing(0);
    m_title = new widgets::ElidedLabel({}, Qt::ElideRight, header);
    m_about = new widgets::ElidedLabel({}, Qt::ElideMiddle, header);
    const auto restyle = [this, &theme] {
        m_title->setFont(theme.title());
        m_about->setFont(theme.secondary());
        QPalette colours = m_about->palette();
        colours.setColor(QPalette::WindowText, theme.colour(theme::Tone::Secondary));
        m_about->setPalette(colours);
    };
    restyle();
    connect(&theme, &theme::Theme::changed, this, restyle);
    headerLayout->addWidget(m_title);
    headerLayout->addWidget(m_about);
    layout->addWidget(header);

    m_problem = new widgets::Banner(theme, u"warning"_s, theme::Tone::Waiting, {}, content);
    m_problem->addButton(tr("Open signalbox.yaml"),
                         [this] { Q_EMIT actionRequested(u"open-config"_s); });
    m_problem->hide();
    layout->addWidget(m_problem);

    m_find = new FindBar(theme, content);
    layout->addWidget(m_find);
    m_view = new TranscriptView(theme, context.clock, content);
    layout->addWidget(m_view, 1);

    auto* bottom = new QWidget(content);
    auto* bottomLayout = new QVBoxLayout(bottom);
    bottomLayout->setContentsMargins(space::margin, space::related, space::margin, space::margin);
    bottomLayout->setSpacing(space::inside);
    m_notice = new ToneLabel(theme, ToneLabel::Role::Secondary, theme::Tone::Failed, {}, bottom);
    m_notice->hide();
    bottomLayout->addWidget(m_notice);
    auto* row = new QHBoxLayout;
    row->setSpacing(space::related);
    m_composer = new Composer(theme, bottom);
    row->addWidget(m_composer, 1);
    m_stop = new QPushButton(theme.icon(u"stop"_s), tr("Stop"), bottom);
    m_stop->setToolTip(tr("Stop this turn and everything that it started"));
    m_stop->hide();
    row->addWidget(m_stop, 0, Qt::AlignBottom);
    m_send = new QPushButton(theme.icon(u"send"_s), tr("Send"), bottom);
    m_send->setToolTip(tr("Send the message (Enter)"));
    row->addWidget(m_send, 0, Qt::AlignBottom);
    bottomLayout->addLayout(row);
    layout->addWidget(bottom);
    setContent(content);

    connect(m_composer, &Composer::sendRequested, this, &ConversationPanel::send);
    connect(m_composer, &Composer::leaveRequested, this, [this] {
        m_view->setFocus(Qt::OtherFocusReason);
    });
    connect(m_composer, &QPlainTextEdit::textChanged, this, [this] {
        m_send->setEnabled(m_current && !m_composer->toPlainText().trimmed().isEmpty());
        if (m_current) {
            const QString text = m_composer->toPlainText();
            m_state->set(draftKey(),
                         text.isEmpty() ? QJsonValue(QJsonValue::Undefined) : QJsonValue(text));
        }
    });
    connect(m_send, &QPushButton::clicked, this, [this] {
        send();
        m_composer->setFocus();
    });
    connect(m_stop, &QPushButton::clicked, this, &ConversationPanel::cancel);
    connect(m_view, &TranscriptView::olderWanted, this, [this] {
        if (m_current && m_current->hasOlder()) {
            load(m_current, m_current->firstSeq());
        }
    });
    connect(m_view, &TranscriptView::linkClicked, this, &ConversationPanel::openAddress);
    connect(m_view, &TranscriptView::rowMenuRequested, this, &ConversationPanel::rowMenu);
    connect(m_find, &FindBar::findRequested, this, [this](const QString& words, bool backwards) {
        m_find->setFound(m_view->find(words, backwards));
    });
    connect(m_find, &FindBar::closed, this, [this] { m_view->setFocus(); });

    auto& bridge = context.bridge;
    connect(&bridge, &bridge::Bridge::snapshotLoaded, this, [this] {
        m_failed = false;
        m_streams.clear();
        for (Transcript* transcript : std::as_const(m_transcripts)) {
            transcript->clear(); // events were lost: what is kept may be old
        }
        if (m_current) {
            load(m_current, 0);
        } else {
            showFirst();
        }
        refresh();
    });
    connect(&bridge, &bridge::Bridge::snapshotFailed, this, [this](const Error& error) {
        m_failed = true;
        m_failure = error.message;
        refresh();
    });
    connect(&bridge,
            &bridge::Bridge::textResets,
            this,
            [this](const QList<protocol::TextReset>& resets) {
                for (const auto& reset : resets) {
                    if (Transcript* transcript = known(reset.agent, reset.channel)) {
                        transcript->endStream();
                    }
                    m_streams.remove(keyOf(reset.agent, reset.channel));
                }
            });
    connect(&bridge, &bridge::Bridge::textDeltas, this, &ConversationPanel::onDeltas);
    connect(&bridge, &bridge::Bridge::transcriptChanged, this, &ConversationPanel::onTranscript);
    connect(&bridge, &bridge::Bridge::channelsChanged, this, &ConversationPanel::onChannels);
    connect(&bridge, &bridge::Bridge::processesChanged, this, &ConversationPanel::onProcesses);
    connect(&bridge, &bridge::Bridge::agentsChanged, this, &ConversationPanel::refresh);

    auto* copy = new QAction(theme.icon(u"copy"_s), tr("Copy the selected text or message"), this);
    connect(copy, &QAction::triggered, m_view, &TranscriptView::copy);
    addAction(copy);
    auto* stop = new QAction(theme.icon(u"stop"_s), tr("Stop the current turn"), this);
    stop->setShortcut(QKeySequence(u"Ctrl+Shift+X"_s));
    stop->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    connect(stop, &QAction::triggered, this, &ConversationPanel::cancel);
    addAction(stop);
    auto* latest = new QAction(theme.icon(u"arrow-down"_s), tr("Jump to the latest message"), this);
    connect(latest, &QAction::triggered, m_view, &TranscriptView::jumpToEnd);
    addAction(latest);
    refresh();
}

ConversationPanel::~ConversationPanel()
{
    m_view->setTranscript(nullptr);
}

QWidget* ConversationPanel::focusTarget()
{
    return isEmptyShown() ? this : static_cast<QWidget*>(m_composer);
}

bool ConversationPanel::search()
{
    if (!m_current || isEmptyShown()) {
        return false;
    }
    m_find->open();
    return true;
}

bool ConversationPanel::open(const Link& link)
{
    if (link.to != Link::To::Channel) {
        return false;
    }
    show(link.agent, link.id, link.seq);
    return true;
}

QString ConversationPanel::draftKey() const
{
    return u"draft:"_s + keyOf(m_current->agent(), m_current->channel());
}

Transcript* ConversationPanel::known(const QString& agent, const QString& channel) const
{
    return m_transcripts.value(keyOf(agent, channel));
}

Transcript* ConversationPanel::transcriptOf(const QString& agent, const QString& channel)
{
    const QString key = keyOf(agent, channel);
    m_uses.removeAll(key);
    m_uses.prepend(key);
    Transcript*& transcript = m_transcripts[key];
    if (!transcript) {
        transcript = new Transcript(agent, channel, this);
        transcript->setDurations([this](const QString& id) -> qint64 {
            const auto* process = context().bridge.process(id);
            return process && process->endedAt > 0 ? process->endedAt - process->startedAt : 0;
        });
    }
    Transcript* result = transcript;
    while (m_uses.size() > keptTranscripts) {
        const QString oldest = m_uses.takeLast();
        m_loading.remove(oldest); // its page finds nobody any more
        delete m_transcripts.take(oldest);
    }
    return result;
}

void ConversationPanel::show(const QString& agent, const QString& channel, qint64 seq)
{
    Transcript* transcript = transcriptOf(agent, channel);
    m_wantedSeq = seq;
    if (transcript != m_current) {
        // The draft stays with its conversation.
        m_current = nullptr;
        m_composer->clear();
        m_current = transcript;
        m_composer->setPlainText(m_state->values().value(draftKey()).toString());
        m_composer->moveCursor(QTextCursor::End);
        m_find->hide();
        tell({});
        m_view->setTranscript(transcript);
        m_state->set(u"current"_s, QJsonArray{agent, channel});
        Q_EMIT currentChannelChanged(agent, channel);
    }
    if (!transcript->isLoaded()) {
        load(transcript, 0);
    } else if (seq > 0) {
        m_view->setCurrentRow(transcript->indexOfSeq(seq));
    }
    refresh();
}

void ConversationPanel::showFirst()
{
    const auto& bridge = context().bridge;
    const QJsonArray last = m_state->values().value(u"current"_s).toArray();
    if (bridge.channel(last.at(0).toString(), last.at(1).toString())) {
        show(last.at(0).toString(), last.at(1).toString());
        return;
    }
    const auto& channels = bridge.channels();
    const auto newest = std::ranges::max_element(channels, {}, &protocol::ChannelInfo::lastTime);
    if (newest != channels.end()) {
        show(newest->agent, newest->id);
    }
}

void ConversationPanel::load(Transcript* transcript, qint64 before)
{
    const QString key = keyOf(transcript->agent(), transcript->channel());
    if (m_loading.contains(key)) {
        return;
    }
    m_loading.insert(key);
    protocol::GetTranscript command;
    command.agent = transcript->agent();
    command.channel = transcript->channel();
    command.before = before;
    command.limit = pageSize;
    context().bridge.request(
        command, transcript, [this, transcript, key](Result<protocol::GetTranscript::Reply> reply) {
            m_loading.remove(key);
            if (!reply) {
                if (transcript == m_current) {
                    tell(reply.error().message);
                }
                return;
            }
            transcript->addPage(reply->items, reply->more);
            if (const auto stream = m_streams.take(key); !stream.second.isEmpty()) {
                transcript->stream(stream.first, stream.second);
            }
            if (transcript == m_current) {
                if (m_wantedSeq > 0) {
                    m_view->setCurrentRow(transcript->indexOfSeq(m_wantedSeq));
                    m_wantedSeq = 0;
                }
                refresh();
            }
        });
}

void ConversationPanel::onDeltas(const QList<protocol::TextDelta>& deltas)
{
    for (const auto& delta : deltas) {
        if (delta.text.isEmpty()) {
            continue;
        }
        // Branches and workers think aloud too; only the channel's own words are its reply.
        if (delta.process != delta.channel) {
            const auto* process = context().bridge.process(delta.process);
            if (process && process->kind != protocol::ProcessKind::Channel) {
                continue;
            }
        }
        Transcript* transcript = known(delta.agent, delta.channel);
        if (transcript && transcript->isLoaded()) {
            transcript->stream(delta.process, delta.text);
        } else {
            auto& stream = m_streams[keyOf(delta.agent, delta.channel)];
            stream.first = delta.process;
            if (stream.second.size() < maximumStream) {
                stream.second += delta.text;
            }
        }
    }
}

void ConversationPanel::onTranscript(const QList<protocol::TranscriptChanged>& changes)
{
    for (const auto& change : changes) {
        if (change.item.kind == protocol::ItemKind::Agent) {
            m_streams.remove(keyOf(change.agent, change.channel));
        }
        // A page that is on its way brings what is not loaded yet.
        if (Transcript* transcript = known(change.agent, change.channel)) {
            transcript->upsert(change.item);
        }
    }
}

void ConversationPanel::onProcesses(const QList<protocol::ProcessInfo>& processes)
{
    for (const auto& process : processes) {
        Transcript* transcript = known(process.agent, process.channel);
        if (transcript && process.endedAt > 0) {
            transcript->processEnded(process.id);
        }
    }
}

void ConversationPanel::onChannels(const QList<protocol::ChannelInfo>& channels)
{
    for (const auto& channel : channels) {
        if (channel.running > 0) {
            continue;
        }
        const QString key = keyOf(channel.agent, channel.id);
        m_streams.remove(key);
        // A turn that ended without its message leaves words that nobody keeps; the message may
        // still be on its way.
        Transcript* transcript = m_transcripts.value(key);
        if (transcript && transcript->isStreaming()) {
            QTimer::singleShot(
                1000, transcript, [this, transcript, agent = channel.agent, id = channel.id] {
                    const auto* now = context().bridge.channel(agent, id);
                    if (now && now->running == 0) {
                        transcript->endStream();
                    }
                });
        }
    }
    if (!m_current && context().bridge.isLoaded()) {
        showFirst();
    }
    refresh();
}

void ConversationPanel::refresh()
{
    const auto& bridge = context().bridge;
    if (m_failed) {
        setEmptyText(tr("The conversations could not be loaded. %1").arg(m_failure));
        return;
    }
    if (!bridge.isLoaded()) {
        setEmptyText(tr("Loading the conversations …"));
        return;
    }
    if (!m_current) {
        if (bridge.agents().isEmpty()) {
            setEmptyText(tr("No agent is configured yet. Take the tour to see one at work, or "
                            "describe your own in signalbox.yaml."),
                         tr("Take the tour"),
                         [this] { Q_EMIT actionRequested(u"tour"_s); });
        } else {
            setEmptyText(tr("No conversation yet. Take the tour to see an agent repair a failing "
                            "test, or press Ctrl+N to begin one."),
                         tr("Take the tour"),
                         [this] { Q_EMIT actionRequested(u"tour"_s); });
        }
        return;
    }
    setEmptyText({});
    const auto* channel = bridge.channel(m_current->agent(), m_current->channel());
    const QString title =
        channel && !channel->title.isEmpty() ? channel->title : tr("New conversation");
    if (const QString plain = widgets::plainLine(title); m_title->text() != plain) {
        m_title->setText(plain);
    }
    QString about = m_current->agent();
    QString problem;
    for (const auto& agent : bridge.agents()) {
        if (agent.id == m_current->agent()) {
            about = tr("%1 · %2 · %3").arg(agent.id, agent.model, agent.workspace);
            problem = agent.problem;
        }
    }
    if (m_about->text() != about) {
        m_about->setText(about);
    }
    if (!problem.isEmpty()) {
        m_problem->setText(problem);
    }
    m_problem->setVisible(!problem.isEmpty());
    m_composer->setPlaceholderText(tr("Message %1").arg(m_current->agent()));
    m_send->setEnabled(!m_composer->toPlainText().trimmed().isEmpty());
    m_stop->setVisible(channel && channel->running > 0);
}

void ConversationPanel::tell(const QString& problem)
{
    m_notice->setText(problem);
    m_notice->setVisible(!problem.isEmpty());
}

void ConversationPanel::send()
{
    const QString text = m_composer->toPlainText();
    if (!m_current || text.trimmed().isEmpty()) {
        return;
    }
    protocol::SendMessage command;
    command.agent = m_current->agent();
    command.channel = m_current->channel();
    command.text = text;
    command.from = u"you"_s;
    command.key = newId("msg"_L1); // sent twice, it is still one message
    m_composer->clear();
    tell({});
    context().bridge.request(
        command,
        this,
        [this, text, transcript = QPointer(m_current)](Result<protocol::SendMessage::Reply> reply) {
            if (reply || !transcript) {
                return;
            }
            // Nothing that a person wrote is lost: it goes back to where it was written.
            const QString key = u"draft:"_s + keyOf(transcript->agent(), transcript->channel());
            if (transcript == m_current) {
                tell(tr("The message was not sent. %1").arg(reply.error().message));
                if (m_composer->toPlainText().isEmpty()) {
                    m_composer->setPlainText(text);
                    m_composer->moveCursor(QTextCursor::End);
                }
            } else if (!m_state->values().contains(key)) {
                m_state->set(key, text);
            }
        });
}

void ConversationPanel::cancel()
{
    if (!m_current) {
        return;
    }
    protocol::CancelProcess command;
    command.agent = m_current->agent();
    command.process = m_current->channel(); // a channel's process has the channel's id
    command.by = u"window"_s;
    context().bridge.request(command, this, [this](Result<protocol::Done> reply) {
        if (!reply) {
            tell(tr("The turn could not be stopped. %1").arg(reply.error().message));
        }
    });
}

void ConversationPanel::rowMenu(int row, const QPoint& where)
{
    if (!m_current || row < 0 || row >= m_current->count()) {
        return;
    }
    auto& theme = context().theme;
    const Transcript::Row shown = m_current->row(row);
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addAction(theme.icon(u"copy"_s),
                    m_view->hasSelection() ? tr("Copy the selection") : tr("Copy"),
                    m_view,
                    &TranscriptView::copy);
    menu->addAction(tr("Copy the whole message"), this, [text = shown.item.text] {
        QApplication::clipboard()->setText(text);
    });
    if (!shown.item.detail.isEmpty()) {
        menu->addAction(tr("Copy the output"), this, [text = shown.item.detail] {
            QApplication::clipboard()->setText(text);
        });
    }
    using protocol::ItemKind;
    if (shown.item.kind == ItemKind::Tool || shown.item.kind == ItemKind::Delegate) {
        menu->addSeparator();
        menu->addAction(
            shown.open ? tr("Fold") : tr("Unfold"), m_view, [this, row] { m_view->toggle(row); });
        if (!shown.item.process.isEmpty() && shown.item.process != m_current->channel()) {
            menu->addAction(theme.icon(u"workers"_s), tr("Show the worker"), this, [this, shown] {
                Q_EMIT linkActivated(
                    {Link::To::Process, m_current->agent(), shown.item.process, 0});
            });
        }
    }
    if (!shown.streaming) {
        menu->addSeparator();
        menu->addAction(theme.icon(u"journal"_s), tr("Show in the journal"), this, [this, shown] {
            Q_EMIT linkActivated({Link::To::Entry, m_current->agent(), {}, shown.item.seq});
        });
    }
    menu->popup(where);
}

// Text of a model: only addresses that a browser or mail program is meant for are handed on.
void ConversationPanel::openAddress(const QString& address)
{
    const QUrl url(address, QUrl::StrictMode);
    const QString scheme = url.scheme();
    if (url.isValid() && (scheme == u"https" || scheme == u"http" || scheme == u"mailto")) {
        QDesktopServices::openUrl(url);
    } else {
        tell(
            tr("This link was not opened: only web and mail addresses are. It is %1").arg(address));
    }
}

} // namespace sb::panels
