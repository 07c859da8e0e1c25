#include "ui/panels/approvals/CardList.h"

#include "ui/models/ApprovalsModel.h"
#include "ui/widgets/Format.h"

#include <QApplication>
#include <QKeyEvent>
#include <QPushButton>
#include <QScrollBar>
#include <QStyle>

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::ApprovalState;

CardList::CardList(const Context& context, models::ApprovalsModel& model, QWidget* parent)
    : QAbstractScrollArea(parent)
    , m_context(context)
    , m_model(model)
    , m_executor(std::make_shared<ContextExecutor>())
    , m_decided(new QPushButton(viewport()))
{
    setFrameShape(QFrame::NoFrame);
    setAccessibleName(tr("Approvals"));
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFocusPolicy(Qt::StrongFocus);
    viewport()->setMouseTracking(true);
    viewport()->setBackgroundRole(QPalette::Window);
    m_decided->setFlat(true);
    m_decided->setAutoDefault(false);
    m_decided->setObjectName(u"decided"_s);
    m_decided->hide();
    connect(m_decided, &QPushButton::clicked, this, [this] {
        m_showsDecided = !m_showsDecided;
        sync();
    });
    m_later.setSingleShot(true);
    m_later.setInterval(0);
    connect(&m_later, &QTimer::timeout, this, &CardList::sync);
    connect(&model, &models::ApprovalsModel::changed, this, &CardList::later);
    connect(&context.theme, &theme::Theme::changed, this, [this] {
        m_heights.clear();
        later();
    });
    connect(qApp, &QApplication::focusChanged, this, &CardList::focusMoved);
}

CardList::~CardList()
{
    disconnect(qApp, nullptr, this, nullptr);
    qDeleteAll(std::exchange(m_cards, {})); // before the executor that their timers post to
}

void CardList::later()
{
    if (!m_later.isActive()) {
        m_later.start();
    }
}

int CardList::cardWidth() const
{
    return std::max(40, viewport()->width() - 2 * theme::space::related);
}

bool CardList::isFolded(const QString& id) const
{
    const auto* approval = m_model.find(id);
    return approval != nullptr && approval->state != ApprovalState::Waiting &&
           !m_lingering.contains(id) && !m_opened.contains(id);
}

int CardList::rowOf(const QString& id) const
{
    for (int row = 0; row < m_rows.size(); ++row) {
        if (m_rows.at(row).id == id) {
            return row;
        }
    }
    return -1;
}

// Takes over what the model says: who waits, who was settled at its place, who is decided.
void CardList::sync()
{
    // A card that was there as a waiting one and is settled now lingers.
    for (const auto& [id, card] : m_cards.asKeyValueRange()) {
        const auto* approval = m_model.find(id);
        if (approval == nullptr) {
            continue;
        }
        if (card->approval().state == ApprovalState::Waiting &&
            approval->state != ApprovalState::Waiting && !m_lingering.contains(id)) {
            m_lingering.append(id);
        }
        card->setApproval(*approval);
    }
    m_lingering.removeIf([this](const QString& id) { return m_model.find(id) == nullptr; });
    QList<std::pair<TimeUs, QString>> upper;
    for (int row = 0; row < m_model.waiting(); ++row) {
        upper.append({m_model.at(row).requestedAt, m_model.at(row).id});
    }
    for (const auto& id : m_lingering) {
        upper.append({m_model.find(id)->requestedAt, id});
    }
    std::ranges::sort(upper);
    m_rows.clear();
    for (const auto& [time, id] : upper) {
        m_rows.append({.id = id});
    }
    const int decided = m_model.rowCount() - int(m_rows.size());
    if (decided > 0) {
        m_rows.append(Row());
        m_decided->setText(tr("Decided (%1)").arg(widgets::countText(decided)));
        m_decided->setAccessibleName(m_showsDecided ? tr("Hide the decided ones")
                                                    : tr("Show the decided ones"));
        m_decided->setIcon(
            m_context.theme.icon(m_showsDecided ? u"chevron-down"_s : u"chevron-right"_s));
        for (int row = m_model.waiting(); m_showsDecided && row < m_model.rowCount(); ++row) {
            if (!m_lingering.contains(m_model.at(row).id)) {
                m_rows.append(
                    {.id = m_model.at(row).id, .isFolded = !m_opened.contains(m_model.at(row).id)});
            }
        }
    }
    m_decided->setVisible(decided > 0);
    for (const auto& [id, card] : m_cards.asKeyValueRange()) {
        card->setFolded(isFolded(id));
    }
    arrange();
    bringIntoView();
}

void CardList::bringIntoView()
{
    auto* part = m_wanted.data();
    m_wanted.clear();
    if (part == nullptr || !viewport()->isAncestorOf(part)) {
        return;
    }
    if (auto* card = part->parentWidget(); card != nullptr && card->layout() != nullptr) {
        // Its place inside the card is of this moment, not of the last paint.
        card->layout()->activate();
    }
    int page = viewport()->height();
    for (const auto* card : std::as_const(m_cards)) {
        const bool isAnswer =
            card->answersRect().contains(part->mapTo(viewport(), QPoint()) - card->pos());
        if (card->isAncestorOf(part) && !isAnswer) {
            page -= card->coveredHeight();
        }
    }
    const QRect rect(part->mapTo(viewport(), QPoint()), part->size());
    auto* bar = verticalScrollBar();
    if (rect.bottom() > page) {
        bar->setValue(bar->value() +
                      std::min(rect.bottom() - page + theme::space::margin, rect.top()));
    } else if (rect.top() < 0) {
        bar->setValue(bar->value() + rect.top() - theme::space::margin);
    }
}

// Sets the tops from the known and estimated heights; answers with the whole height.
int CardList::place()
{
    int top = theme::space::related;
    for (auto& row : m_rows) {
        row.top = top;
        row.height =
            row.id.isEmpty()
                ? m_decided->sizeHint().height()
                : m_heights.value(row.id,
                                  row.isFolded ? m_context.theme.rowHeight() + 16 : m_estimate);
        top += row.height + theme::space::related;
    }
    return top;
}

void CardList::arrange()
{
    // Hidden, it has no size that would last, and a card costs more than a row of a table.
    if (m_isArranging || !isVisible()) {
        return;
    }
    m_isArranging = true;
    const int width = cardWidth();
    const int page = viewport()->height();
    auto* bar = verticalScrollBar();

    // What the person reads must not move because something above it grew: remember the first
    // visible card.
    QString anchor;
    int offset = 0;
    for (const auto& [id, card] : m_cards.asKeyValueRange()) {
        if (card->isVisible() && card->geometry().bottom() > 0 &&
            (anchor.isEmpty() || card->y() < offset) && rowOf(id) >= 0) {
            anchor = id;
            offset = card->y();
        }
    }
    int total = place();
    int scroll = bar->value();
    for (int pass = 0; pass < 4; ++pass) {
        if (const int row = rowOf(anchor); row >= 0 && !anchor.isEmpty()) {
            scroll = m_rows.at(row).top - offset;
        }
        scroll = std::clamp(scroll, 0, std::max(0, total - page));
        bool isStable = true;
        for (const auto& row : std::as_const(m_rows)) {
            if (row.id.isEmpty() || row.top + row.height < scroll - page / 4 ||
                row.top > scroll + page + page / 4) {
                continue;
            }
            auto* card = m_cards.value(row.id);
            if (card == nullptr) {
                card = makeCard(row.id);
            }
            if (const int height = card->heightFor(width); height != m_heights.value(row.id, -1)) {
                m_heights[row.id] = height;
                isStable = isStable && height == row.height;
            }
        }
        total = place();
        if (isStable) {
            break;
        }
    }
    bar->setPageStep(page);
    bar->setSingleStep(40);
    bar->setRange(0, std::max(0, total - page));
    bar->setValue(scroll);
    scroll = bar->value();

    const QPoint pointer = viewport()->mapFromGlobal(QCursor::pos());
    for (const auto& row : std::as_const(m_rows)) {
        const QRect rect =
            QStyle::visualRect(layoutDirection(),
                               viewport()->rect(),
                               {theme::space::related, row.top - scroll, width, row.height});
        if (row.id.isEmpty()) {
            m_decided->setGeometry(
                {rect.topLeft(),
                 QSize(std::min(width, m_decided->sizeHint().width()), row.height)});
            continue;
        }
        auto* card = m_cards.value(row.id);
        if (card == nullptr) {
            continue;
        }
        if (card->isVisible() && card->geometry().top() != rect.top() &&
            !card->geometry().contains(pointer) && rect.contains(pointer)) {
            card->guardAgainstSlip();
        }
        card->setGeometry(rect);
        card->show();
    }
    placeAnswers();
    dropFarCards();
    m_isArranging = false;
}

// The answers of a card stay in sight. A row of them that has come to lie under a resting pointer,
// because the list was scrolled or a card grew, may be another card's than the one that was aimed
// at.
void CardList::placeAnswers()
{
    const QPoint pointer = viewport()->mapFromGlobal(QCursor::pos());
    const auto before = std::exchange(m_answers, {});
    for (const auto& [id, card] : m_cards.asKeyValueRange()) {
        card->setVisibleBottom(viewport()->height() - card->y());
        const QRect inCard = card->answersRect();
        if (inCard.isEmpty()) {
            continue;
        }
        const QRect now = inCard.translated(card->pos());
        m_answers.insert(id, now);
        const auto last = before.constFind(id);
        const bool hasCome = last != before.constEnd() ? *last != now && !last->contains(pointer)
                                                       : !before.isEmpty();
        if (hasCome && now.contains(pointer)) {
            card->guardAgainstSlip();
        }
    }
}

void CardList::dropFarCards()
{
    const int page = viewport()->height();
    QStringList far;
    for (const auto& [id, card] : m_cards.asKeyValueRange()) {
        const int row = rowOf(id);
        const bool isNear = row >= 0 && card->geometry().bottom() > -page && card->y() < 2 * page;
        if (!isNear && (row < 0 || (!card->isBusy() && !card->hasFocusInside()))) {
            far.append(id);
        }
    }
    for (const auto& id : far) {
        auto* card = m_cards.take(id);
        card->hide();
        card->deleteLater(); // it may be the one whose signal brought us here
    }
}

ApprovalCard* CardList::makeCard(const QString& id)
{
    auto* card = new ApprovalCard(m_context, *m_executor, *m_model.find(id), viewport());
    card->setObjectName(u"card-"_s + id);
    card->setFolded(isFolded(id));
    m_cards.insert(id, card);
    connect(card, &ApprovalCard::linkActivated, this, &CardList::linkActivated);
    connect(card, &ApprovalCard::resized, this, &CardList::later);
    connect(card, &ApprovalCard::attention, this, [this](QWidget* part) {
        m_wanted = part;
        later();
    });
    connect(card, &ApprovalCard::settled, this, [this](const protocol::ApprovalInfo& approval) {
        if (!m_lingering.contains(approval.id)) {
            m_lingering.append(approval.id);
        }
        Q_EMIT settled(approval);
    });
    connect(card, &ApprovalCard::foldToggled, this, [this, id] {
        if (!m_opened.remove(id) && !m_lingering.removeOne(id)) {
            m_opened.insert(id);
        }
        later();
    });
    return card;
}

// Settled cards leave their place only when nobody can be about to click a neighbour, and not under
// the keys.
void CardList::settleDown()
{
    if (m_lingering.isEmpty() ||
        viewport()->rect().contains(viewport()->mapFromGlobal(QCursor::pos())) ||
        QApplication::mouseButtons() != Qt::NoButton) {
        return;
    }
    const auto before = m_lingering.size();
    m_lingering.removeIf([this](const QString& id) {
        const auto* card = m_cards.value(id);
        return card == nullptr || !card->hasFocusInside();
    });
    if (m_lingering.size() != before) {
        later();
    }
}

void CardList::focusMoved(QWidget* old, QWidget* now)
{
    for (auto* card : std::as_const(m_cards)) {
        const bool hadFocus = old != nullptr && (card == old || card->isAncestorOf(old));
        const bool hasFocus = now != nullptr && (card == now || card->isAncestorOf(now));
        if (hadFocus == hasFocus) {
            continue;
        }
        card->update();
        if (hasFocus && now != card) {
            m_wanted = now; // Tab walks into parts that may lie below the edge
            later();
        }
        if (hadFocus && now != nullptr && card->window() == now->window()) {
            card->disarm();
            settleDown();
        }
    }
}

ApprovalCard* CardList::current() const
{
    for (auto* card : m_cards) {
        if (card->hasFocusInside()) {
            return card;
        }
    }
    return nullptr;
}

bool CardList::showCard(const QString& id)
{
    if (m_later.isActive()) {
        m_later.stop();
        sync();
    }
    const auto* approval = m_model.find(id);
    if (approval == nullptr) {
        return false;
    }
    if (approval->state != ApprovalState::Waiting && !m_lingering.contains(id)) {
        m_showsDecided = true;
        m_opened.insert(id);
        sync();
    }
    const int row = rowOf(id);
    if (row < 0) {
        return false;
    }
    if (!isVisible()) {
        m_pending = id; // the shell raises the panel next
        return true;
    }
    // Twice, for only the cards that came into being on the way know their true heights.
    for (int pass = 0; pass < 2; ++pass) {
        const int top = m_rows.at(row).top - theme::space::related;
        const int bottom = top + m_rows.at(row).height + 2 * theme::space::related;
        auto* bar = verticalScrollBar();
        if (bottom > bar->value() + viewport()->height()) {
            bar->setValue(std::min(top, bottom - viewport()->height()));
        }
        if (top < bar->value()) {
            bar->setValue(top);
        }
        arrange();
    }
    if (auto* card = m_cards.value(id)) {
        card->setFocus(Qt::ShortcutFocusReason);
    }
    return true;
}

void CardList::step(int by)
{
    if (m_later.isActive()) {
        m_later.stop();
        sync();
    }
    const auto* card = current();
    int row = card == nullptr ? (by > 0 ? -1 : int(m_rows.size())) : rowOf(card->approval().id);
    row += by;
    if (row >= 0 && row < m_rows.size() && m_rows.at(row).id.isEmpty()) {
        if (by > 0 && !m_showsDecided) {
            m_decided->setFocus(Qt::ShortcutFocusReason);
            return;
        }
        row += by;
    }
    if (row >= 0 && row < m_rows.size()) {
        showCard(m_rows.at(row).id);
    }
}

void CardList::tick()
{
    for (auto* card : std::as_const(m_cards)) {
        card->tick();
    }
    settleDown();
}

void CardList::resizeEvent(QResizeEvent* event)
{
    QAbstractScrollArea::resizeEvent(event);
    if (event->oldSize().width() != event->size().width()) {
        m_heights.clear();
    }
    arrange();
}

void CardList::showEvent(QShowEvent* event)
{
    QAbstractScrollArea::showEvent(event);
    sync();
    if (const auto id = std::exchange(m_pending, {}); !id.isEmpty()) {
        showCard(id);
    }
}

void CardList::scrollContentsBy(int, int dy)
{
    if (m_isArranging) {
        return;
    }
    for (auto* card : std::as_const(m_cards)) {
        card->move(card->x(), card->y() + dy);
    }
    m_decided->move(m_decided->x(), m_decided->y() + dy);
    arrange();
}

bool CardList::viewportEvent(QEvent* event)
{
    if (event->type() == QEvent::Leave) {
        // The pointer has left; what was settled may go, but only once it truly is elsewhere.
        QTimer::singleShot(0, this, &CardList::settleDown);
    } else if (event->type() == QEvent::LayoutRequest) {
        later();
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void CardList::keyPressEvent(QKeyEvent* event)
{
    switch (event->key()) {
    case Qt::Key_Down:
        step(1);
        break;
    case Qt::Key_Up:
        step(-1);
        break;
    case Qt::Key_Home:
        if (!m_rows.isEmpty()) {
            showCard(m_rows.first().id);
        }
        break;
    case Qt::Key_End:
        if (m_model.waiting() > 0) {
            showCard(m_model.at(m_model.waiting() - 1).id);
        }
        break;
    case Qt::Key_PageDown:
        verticalScrollBar()->triggerAction(QAbstractSlider::SliderPageStepAdd);
        break;
    case Qt::Key_PageUp:
        verticalScrollBar()->triggerAction(QAbstractSlider::SliderPageStepSub);
        break;
    default:
        event->ignore(); // the scroll area has no use for others
        return;
    }
    event->accept();
}

} // namespace sb::panels
