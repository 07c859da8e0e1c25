#include "ui/panels/memory/MemoryDetails.h"

#include "ui/models/MemoryWords.h"
#include "ui/models/Words.h"
#include "ui/panels/parts/FlowLayout.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QAction>
#include <QBoxLayout>
#include <QComboBox>
#include <QDesktopServices>
#include <QFileInfo>
#include <QKeyEvent>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QRegularExpression>
#include <QScopedValueRollback>
#include <QScrollArea>
#include <QSpinBox>
#include <QToolButton>
#include <QUrl>

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::MemoryChange;
using protocol::MemoryInfo;
using protocol::MemoryOp;
using theme::Tone;
using widgets::ToneLabel;

namespace {

enum ItemRole { IdRole = Qt::UserRole + 1, FromRole, ToRole, RelationRole, SeqRole };

// As many lines as there are, up to a few: the panel scrolls as a whole.
void fitList(QListWidget& list, const theme::Theme& theme, int most)
{
    const int rows = std::clamp(list.count(), 1, most);
    const int row = list.count() > 0 ? list.sizeHintForRow(0) : theme.rowHeight();
    list.setFixedHeight(rows * row + 2 * list.frameWidth());
}

} // namespace

MemoryDetails::MemoryDetails(const Context& context,
                             MemoryEdits& edits,
                             const QList<QAction*>& actions,
                             QWidget* parent)
    : QWidget(parent)
    , m_context(context)
    , m_edits(edits)
    , m_sentence(new ToneLabel(context.theme, ToneLabel::Role::Body, Tone::Secondary, {}, this))
    , m_form(nullptr)
{
    setMinimumWidth(200);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins({});
    layout->setSpacing(0);
    m_sentence->setContentsMargins(
        theme::space::margin, theme::space::margin, theme::space::margin, theme::space::margin);
    m_sentence->setAlignment(Qt::AlignTop | Qt::AlignLeading);
    m_sentence->setObjectName(u"nothingChosen"_s);
    auto* scroll = new QScrollArea(this);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setFocusPolicy(Qt::NoFocus); // what is in it can have the focus and is scrolled to
    scroll->setAccessibleName(tr("Details of the memory"));
    auto* page = new QWidget(scroll);
    auto* column = new QVBoxLayout(page);
    column->setContentsMargins({});
    column->addWidget(m_sentence);
    m_form = new QWidget(page);
    buildForm(actions);
    column->addWidget(m_form, 1);
    scroll->setWidget(page);
    layout->addWidget(scroll, 1);
    connect(&context.theme, &theme::Theme::changed, this, &MemoryDetails::fill);
    say(tr("Choose a memory to see where it comes from, and to put it right."));
}

void MemoryDetails::buildForm(const QList<QAction*>& actions)
{
    auto& theme = m_context.theme;
    auto* column = new QVBoxLayout(m_form);
    column->setContentsMargins(
        theme::space::margin, theme::space::related, theme::space::margin, theme::space::margin);
    column->setSpacing(theme::space::related);

    m_actions = new QWidget(m_form);
    auto* bar = new FlowLayout(m_actions);
    bar->setContentsMargins({});
    bar->setSpacing(theme::space::inside);
    for (auto* action : actions) {
        auto* button = new QToolButton(m_actions);
        button->setDefaultAction(action);
        button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
        button->setAutoRaise(true);
        button->setFocusPolicy(Qt::StrongFocus);
        // What cannot be done with this memory takes no room.
        const auto follow = [button, action] { button->setVisible(action->isEnabled()); };
        connect(action, &QAction::changed, button, follow);
        follow();
        bar->addWidget(button);
    }
    column->addWidget(m_actions);

    auto* kind = new QWidget(m_form);
    auto* kindRow = new FlowLayout(kind);
    kindRow->setContentsMargins({});
    m_type = new QComboBox(kind);
    m_type->setAccessibleName(tr("Type"));
    for (const auto type : models::allMemoryTypes()) {
        m_type->addItem(models::memoryTypeText(type), int(type));
    }
    m_importance = new QSpinBox(kind);
    m_importance->setRange(0, 100);
    m_importance->setSingleStep(5);
    m_importance->setPrefix(tr("Importance "));
    m_importance->setSuffix(tr(" %"));
    m_importance->setKeyboardTracking(false);
    m_importance->setAccessibleName(tr("Importance in percent"));
    kindRow->addWidget(m_type);
    kindRow->addWidget(m_importance);
    column->addWidget(kind);

    m_text = new QPlainTextEdit(m_form);
    m_text->setObjectName(u"content"_s);
    m_text->setTabChangesFocus(true);
    m_text->setAccessibleName(tr("What is remembered"));
    m_text->installEventFilter(this);
    column->addWidget(m_text);

    m_saving = new QWidget(m_form);
    auto* savingRow = new FlowLayout(m_saving);
    savingRow->setContentsMargins({});
    m_save = new QPushButton(m_saving);
    m_save->setObjectName(u"save"_s);
    m_revert = new QPushButton(m_saving);
    m_savingWords = new ToneLabel(theme, ToneLabel::Role::Secondary, Tone::Secondary, {}, m_saving);
    m_savingWords->setWordWrap(false);
    for (auto* button : {m_save, m_revert}) {
        button->setAutoDefault(false);
        savingRow->addWidget(button);
    }
    savingRow->addWidget(m_savingWords);
    column->addWidget(m_saving);

    m_doubt = new widgets::Banner(theme, u"warning"_s, Tone::Waiting, {}, m_form);
    m_doubt->setObjectName(u"doubt"_s);
    column->addWidget(m_doubt);
    m_promote = new QPushButton(tr("Let prompts carry it"), m_form);
    m_promote->setObjectName(u"promote"_s);
    m_promote->setAutoDefault(false);
    column->addWidget(m_promote, 0, Qt::AlignLeading);

    m_facts = new ToneLabel(theme, ToneLabel::Role::Body, Tone::Text, {}, m_form);
    m_facts->setObjectName(u"facts"_s);
    m_facts->setMinimumWidth(1);
    column->addWidget(m_facts);

    auto* sources = new QWidget(m_form);
    auto* sourceRow = new FlowLayout(sources);
    sourceRow->setContentsMargins({});
    m_entry = new QPushButton(sources);
    m_entry->setObjectName(u"showEntry"_s);
    m_entry->setIcon(theme.icon(u"journal"_s));
    m_file = new QPushButton(sources);
    m_file->setObjectName(u"openFile"_s);
    m_file->setIcon(theme.icon(u"file"_s));
    m_standing = new QPushButton(tr("Show the one that stands for it"), sources);
    for (auto* button : {m_entry, m_file, m_standing}) {
        button->setAutoDefault(false);
        sourceRow->addWidget(button);
    }
    column->addWidget(sources);

    const auto list = [&](const QString& objectName) {
        auto* made = new QListWidget(m_form);
        made->setObjectName(objectName);
        made->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
        made->setTextElideMode(Qt::ElideRight);
        made->setUniformItemSizes(true);
        return made;
    };
    m_edgesTitle = new ToneLabel(theme, ToneLabel::Role::Title, Tone::Text, {}, m_form);
    m_edges = list(u"edges"_s);
    m_edges->installEventFilter(this);
    column->addWidget(m_edgesTitle);
    column->addWidget(m_edges);
    auto* edgeButtons = new QWidget(m_form);
    auto* edgeRow = new FlowLayout(edgeButtons);
    edgeRow->setContentsMargins({});
    m_go = new QPushButton(tr("Go to it"), edgeButtons);
    m_cut = new QPushButton(tr("Cut the link"), edgeButtons);
    m_cut->setIcon(theme.icon(u"unlink"_s));
    m_cut->setToolTip(tr("Delete on a link does the same"));
    for (auto* button : {m_go, m_cut}) {
        button->setAutoDefault(false);
        edgeRow->addWidget(button);
    }
    column->addWidget(edgeButtons);
    m_historyTitle = new ToneLabel(theme, ToneLabel::Role::Title, Tone::Text, {}, m_form);
    m_history = list(u"history"_s);
    column->addWidget(m_historyTitle);
    column->addWidget(m_history);
    column->addStretch(1);

    connect(m_type, &QComboBox::activated, this, [this] {
        MemoryChange change;
        change.type = protocol::MemoryType(m_type->currentData().toInt());
        if (*change.type != memory().type) {
            edited(change,
                   tr("“%1” is now: %2.")
                       .arg(models::memoryLine(memory().content, 40),
                            models::memoryTypeText(*change.type)));
        }
    });
    connect(m_importance, &QSpinBox::valueChanged, this, [this](int percent) {
        if (!m_isFilling && percent != int(std::lround(memory().importance * 100))) {
            MemoryChange change;
            change.importance = percent / 100.0;
            edited(change,
                   tr("The importance of “%1” is %2 % now.")
                       .arg(models::memoryLine(memory().content, 40))
                       .arg(percent));
        }
    });
    connect(m_text, &QPlainTextEdit::textChanged, this, &MemoryDetails::textChanged);
    connect(m_save, &QPushButton::clicked, this, &MemoryDetails::save);
    connect(m_revert, &QPushButton::clicked, this, [this] {
        m_drafts.remove(memory().id);
        m_isSplitting = false;
        fill();
    });
    connect(m_promote, &QPushButton::clicked, this, [this] {
        MemoryChange change;
        change.promoted = true;
        edited(change,
               tr("Prompts may carry “%1” now.").arg(models::memoryLine(memory().content, 40)));
    });
    connect(m_entry, &QPushButton::clicked, this, [this] {
        Q_EMIT linkActivated(
            {Link::To::Entry, memory().agent, {}, m_entry->property("seq").toLongLong()});
    });
    connect(m_file, &QPushButton::clicked, this, [this] { openFile(memory().source.file); });
    connect(m_standing, &QPushButton::clicked, this, [this] {
        Q_EMIT jumpWanted(memory().mergedInto);
    });
    connect(m_edges, &QListWidget::itemActivated, this, &MemoryDetails::jump);
    connect(m_edges, &QListWidget::currentRowChanged, this, &MemoryDetails::tellEdge);
    connect(m_go, &QPushButton::clicked, this, [this] { jump(m_edges->currentItem()); });
    connect(m_cut, &QPushButton::clicked, this, [this] { cut(m_edges->currentItem()); });
    connect(m_history, &QListWidget::itemActivated, this, [this](const QListWidgetItem* item) {
        Q_EMIT linkActivated(
            {Link::To::Entry, memory().agent, {}, item->data(SeqRole).toLongLong()});
    });
}

void MemoryDetails::say(const QString& sentence)
{
    m_reply = {};
    m_isSplitting = false;
    m_sentence->setText(sentence);
    m_sentence->setVisible(!sentence.isEmpty());
    m_form->setVisible(sentence.isEmpty());
}

void MemoryDetails::show(const protocol::GetMemory::Reply& reply, TimeUs moment)
{
    if (reply.memory.id != memory().id) {
        m_isSplitting = false;
    }
    m_reply = reply;
    m_moment = moment;
    if (moment != 0) {
        for (const auto& version : reply.versions) {
            if (version.knownFrom <= moment && (version.knownTo == 0 || version.knownTo > moment)) {
                m_reply.memory = version;
            }
        }
        m_reply.edges.removeIf([&](const protocol::MemoryEdge& edge) {
            return edge.knownFrom > moment || (edge.knownTo != 0 && edge.knownTo <= moment);
        });
    } else {
        m_reply.edges.removeIf([](const protocol::MemoryEdge& edge) { return edge.knownTo != 0; });
    }
    m_sentence->hide();
    m_form->show();
    fill();
}

void MemoryDetails::fill()
{
    if (memory().id.isEmpty()) {
        return;
    }
    const QScopedValueRollback guard(m_isFilling, true);
    const bool isNow = m_moment == 0;
    m_type->setCurrentIndex(m_type->findData(int(memory().type)));
    m_type->setEnabled(isNow);
    m_importance->setValue(int(std::lround(memory().importance * 100)));
    m_importance->setEnabled(isNow);
    m_text->setReadOnly(!isNow);
    const int line = QFontMetrics(m_context.theme.body()).lineSpacing();
    const auto lines = std::clamp<qsizetype>(memory().content.size() / 45 + 1, 2, 9);
    m_text->setFixedHeight(int(lines) * line + 2 * theme::space::related);
    if (m_drafts.value(memory().id) == memory().content) {
        m_drafts.remove(memory().id);
    }
    if (!m_isSplitting) {
        const QString text =
            isNow ? m_drafts.value(memory().id, memory().content) : memory().content;
        if (m_text->toPlainText() != text) {
            m_text->setPlainText(text);
        }
    }
    const bool isDoubted = models::isDoubted(memory());
    m_doubt->setVisible(isDoubted);
    m_doubt->setText(
        memory().suspicion.isEmpty()
            ? tr("Nobody vouches for this, so no prompt carries it by itself.")
            : tr("Nobody vouches for this, and it reads like an instruction to the agent: %1")
                  .arg(widgets::visibleText(memory().suspicion)));
    m_promote->setVisible(isDoubted && isNow);
    fillFacts(memory());
    fillSources(memory());
    fillEdges();
    fillHistory();
    textChanged();
}

void MemoryDetails::fillFacts(const MemoryInfo& memory)
{
    const TimeUs now = m_context.clock.nowUs();
    QStringList lines;
    const auto sentence = [&](const QString& text) { lines.append(text); };
    if (memory.forgottenAt != 0) {
        sentence(tr("Forgotten since %1.").arg(widgets::clockText(memory.forgottenAt, now)));
    }
    if (memory.isPinned) {
        sentence(tr("Pinned: it never fades, and upkeep leaves it alone."));
    }
    sentence(tr("Vouched for by: %1. %2")
                 .arg(models::provenanceText(memory.provenance),
                      models::provenanceSentence(memory.provenance)));
    if (memory.provenance == protocol::Provenance::Untrusted && memory.isPromoted) {
        sentence(tr("You let prompts carry it."));
    }
    if (const QString validity = models::validityText(memory); !validity.isEmpty()) {
        sentence(tr("True %1.").arg(validity));
    }
    if (!memory.labels.isEmpty()) {
        sentence(tr("Marked: %1.").arg(widgets::visibleText(memory.labels.join(u", "_s))));
    }
    if (const QString source = models::sourceText(memory.source); !source.isEmpty()) {
        sentence(tr("From %1.").arg(widgets::visibleText(source)));
    }
    QString times = tr("Written down %1").arg(widgets::clockText(memory.createdAt, now));
    if (memory.knownFrom > memory.createdAt) {
        times += tr(", changed %1").arg(widgets::clockText(memory.knownFrom, now));
    }
    if (memory.accessCount > 0) {
        times += tr(", recalled %n times, last %1", nullptr, memory.accessCount)
                     .arg(widgets::clockText(memory.accessedAt, now));
    }
    sentence(times + u'.');
    m_facts->setText(lines.join(u'\n'));
}

void MemoryDetails::fillSources(const MemoryInfo& memory)
{
    // Of what it was taken from; else of the change that wrote it down.
    const qint64 seq = memory.source.entry != 0 ? memory.source.entry : memory.seq;
    m_entry->setProperty("seq", seq);
    m_entry->setVisible(seq != 0);
    m_entry->setText(tr("Journal entry %1").arg(seq));
    m_file->setVisible(!memory.source.file.isEmpty());
    m_file->setText(
        tr("Open %1").arg(widgets::visibleText(QFileInfo(memory.source.file).fileName())));
    m_file->setToolTip(widgets::visibleText(memory.source.file));
    m_standing->setVisible(!memory.mergedInto.isEmpty());
}

void MemoryDetails::fillEdges()
{
    const QString before = m_edges->currentItem() != nullptr
                               ? m_edges->currentItem()->data(IdRole).toString()
                               : QString();
    m_edges->clear();
    for (const auto& edge : std::as_const(m_reply.edges)) {
        const bool isOut = edge.from == memory().id;
        const QString other = isOut ? edge.to : edge.from;
        QString line = other;
        for (const auto& neighbour : std::as_const(m_reply.neighbours)) {
            if (neighbour.id == other) {
                line = models::memoryLine(neighbour.content);
            }
        }
        const QString words =
            isOut ? models::relationText(edge.relation) : models::relationBackText(edge.relation);
        auto* item = new QListWidgetItem(tr("%1: %2").arg(words, line), m_edges);
        item->setToolTip(line);
        item->setData(IdRole, other);
        item->setData(FromRole, edge.from);
        item->setData(ToRole, edge.to);
        item->setData(RelationRole, int(edge.relation));
        if (other == before) {
            m_edges->setCurrentItem(item);
        }
    }
    const bool hasAny = m_edges->count() > 0;
    m_edgesTitle->setText(hasAny ? tr("Links (%1)").arg(m_edges->count()) : tr("No links"));
    m_edges->setAccessibleName(tr("Links"));
    m_edges->setVisible(hasAny);
    m_go->setVisible(hasAny);
    m_cut->setVisible(hasAny && m_moment == 0);
    tellEdge();
    fitList(*m_edges, m_context.theme, 5);
}

void MemoryDetails::tellEdge()
{
    const bool isChosen = m_edges->currentItem() != nullptr;
    m_go->setEnabled(isChosen);
    m_cut->setEnabled(isChosen);
}

void MemoryDetails::fillHistory()
{
    m_history->clear();
    const TimeUs now = m_context.clock.nowUs();
    for (const auto& version : std::as_const(m_reply.versions)) {
        const QString state = version.forgottenAt != 0 ? tr("forgotten: ") : QString();
        auto* item = new QListWidgetItem(tr("%1: %2%3")
                                             .arg(widgets::clockText(version.knownFrom, now),
                                                  state,
                                                  models::memoryLine(version.content)),
                                         m_history);
        item->setToolTip(tr("Known from %1. Return shows its journal entry.")
                             .arg(widgets::exactTimeText(version.knownFrom)));
        item->setData(SeqRole, version.seq);
    }
    m_historyTitle->setText(tr("History (%n versions)", nullptr, m_history->count()));
    m_history->setAccessibleName(tr("History"));
    const bool hasPast = m_history->count() > 1;
    m_historyTitle->setVisible(hasPast);
    m_history->setVisible(hasPast);
    fitList(*m_history, m_context.theme, 5);
}

QStringList MemoryDetails::parts() const
{
    static const QRegularExpression gap(u"\\n[ \\t]*\\n+"_s);
    QStringList found;
    for (const auto& part : m_text->toPlainText().split(gap)) {
        if (!part.trimmed().isEmpty()) {
            found.append(part.trimmed());
        }
    }
    return found;
}

void MemoryDetails::textChanged()
{
    const bool isSame = m_text->toPlainText() == memory().content;
    if (!m_isFilling && !m_isSplitting && m_moment == 0) {
        if (isSame) {
            m_drafts.remove(memory().id);
        } else {
            m_drafts.insert(memory().id, m_text->toPlainText());
        }
    }
    m_saving->setVisible(m_moment == 0 && (!isSame || m_isSplitting));
    if (m_isSplitting) {
        const auto count = parts().size();
        m_save->setText(tr("Split into %1").arg(count));
        m_save->setEnabled(count >= 2);
        m_revert->setText(tr("Cancel"));
        m_savingWords->setText(tr("An empty line parts one memory from the next."));
    } else {
        m_save->setText(tr("Save"));
        m_save->setToolTip(tr("Ctrl+Return does the same"));
        m_save->setEnabled(!m_text->toPlainText().trimmed().isEmpty());
        m_revert->setText(tr("Discard"));
        m_savingWords->setText(tr("Not saved yet"));
    }
}

void MemoryDetails::save()
{
    const QString line = models::memoryLine(memory().content, 40);
    if (m_isSplitting) {
        if (const auto contents = parts(); contents.size() >= 2) {
            m_isSplitting = false;
            m_edits.split(
                memory().id, contents, tr("Split “%1” into %2.").arg(line).arg(contents.size()));
        }
        return;
    }
    MemoryChange change;
    change.content = m_text->toPlainText().trimmed();
    if (change.content->isEmpty() || *change.content == memory().content) {
        return;
    }
    m_drafts.insert(memory().id, *change.content); // until it comes back as what is remembered
    edited(change, tr("Changed “%1”.").arg(line));
}

void MemoryDetails::edited(MemoryChange change, const QString& told)
{
    change.op = MemoryOp::Edit;
    change.id = memory().id;
    m_edits.change({change}, told);
}

void MemoryDetails::edit()
{
    if (m_form->isVisible()) {
        m_text->setFocus(Qt::ShortcutFocusReason);
        m_text->moveCursor(QTextCursor::End);
    }
}

void MemoryDetails::split()
{
    if (!m_form->isVisible() || m_moment != 0) {
        return;
    }
    // Sentences are where one would cut; whoever knows better moves the empty lines.
    static const QRegularExpression end(u"([.!?。！？]['\"”)]?)\\s+(?=\\S)"_s);
    QString text = memory().content;
    m_isSplitting = true;
    m_text->setPlainText(text.replace(end, u"\\1\n\n"_s));
    textChanged();
    edit();
}

void MemoryDetails::jump(const QListWidgetItem* item)
{
    if (item != nullptr) {
        Q_EMIT jumpWanted(item->data(IdRole).toString());
    }
}

void MemoryDetails::cut(const QListWidgetItem* item)
{
    if (item == nullptr || m_moment != 0) {
        return;
    }
    MemoryChange change;
    change.op = MemoryOp::Cut;
    change.from = item->data(FromRole).toString();
    change.to = item->data(ToRole).toString();
    change.relation = protocol::Relation(item->data(RelationRole).toInt());
    m_edits.change({change}, tr("Cut the link “%1”.").arg(item->text().left(60)));
}

// Only looked at: what could run is shown in its folder instead, for an agent may have named it.
void MemoryDetails::openFile(const QString& path)
{
    const QFileInfo file(path);
    const bool canRun = file.isExecutable() || file.suffix() == "desktop"_L1;
    QDesktopServices::openUrl(
        QUrl::fromLocalFile(file.isFile() && !canRun ? file.filePath() : file.path()));
}

bool MemoryDetails::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool isReturn = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (watched == m_text && isReturn && key->modifiers().testFlag(Qt::ControlModifier)) {
            save();
            return true;
        }
        if (watched == m_text && key->key() == Qt::Key_Escape && !m_saving->isHidden()) {
            m_revert->click();
            return true;
        }
        if (watched == m_edges && key->matches(QKeySequence::Delete)) {
            cut(m_edges->currentItem());
            return true;
        }
    }
    // Delete on a link cuts the link, although the panel has a shortcut for it.
    if (event->type() == QEvent::ShortcutOverride && watched == m_edges &&
        static_cast<QKeyEvent*>(event)->matches(QKeySequence::Delete)) {
        event->accept();
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace sb::panels
