#include "ui/shell/Palette.h"

#include <QApplication>
#include <QBoxLayout>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QPainter>
#include <QStyledItemDelegate>

using namespace Qt::StringLiterals;

namespace sb::shell {

namespace space = theme::space;
using theme::Tone;

namespace {

enum Role { ShortcutRole = Qt::UserRole, PathRole, CommandRole };

QString plainText(const QAction& action)
{
    QString text = action.text();
    text.remove(u'&');
    while (text.endsWith(u'…') || text.endsWith(u' ')) {
        text.chop(1);
    }
    return text;
}

/// Icon, name, quiet path, shortcut at the end.
class CommandDelegate final : public QStyledItemDelegate
{
public:
    CommandDelegate(theme::Theme& theme, QObject* parent)
        : QStyledItemDelegate(parent), m_theme(theme)
    {
    }

    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override
    {
        return {100, m_theme.rowHeight()};
    }

    void paint(QPainter* painter,
               const QStyleOptionViewItem& option,
               const QModelIndex& index) const override
    {
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        const bool enabled = index.flags() & Qt::ItemIsEnabled;
        const QRect box = option.rect.adjusted(space::inside, 0, -space::inside, 0);
        if (option.state & QStyle::State_Selected) {
            painter->setPen(Qt::NoPen);
            painter->setBrush(m_theme.soft(Tone::Accent));
            painter->drawRoundedRect(box, theme::cornerRadius, theme::cornerRadius);
        }
        const bool mirrored = option.direction == Qt::RightToLeft;
        QRect rest = box.adjusted(space::related, 0, -space::related, 0);
        const auto take = [&](int width, bool atEnd) {
            QRect part = rest;
            if (atEnd != mirrored) {
                part.setLeft(rest.right() - width + 1);
                rest.setRight(part.left() - 1 - space::related);
            } else {
                part.setRight(rest.left() + width - 1);
                rest.setLeft(part.right() + 1 + space::related);
            }
            return part;
        };
        const QRect iconRect = take(m_theme.iconSize(), false);
        const auto icon = index.data(Qt::DecorationRole).value<QIcon>();
        icon.paint(painter, iconRect, Qt::AlignCenter, enabled ? QIcon::Normal : QIcon::Disabled);
        const QColor quiet = m_theme.colour(Tone::Secondary);
        const auto write = [&](const QRect& rect,
                               const QFont& font,
                               const QColor& colour,
                               const QString& text) {
            painter->setFont(font);
            painter->setPen(colour);
            painter->drawText(rect,
                              Qt::AlignVCenter | Qt::AlignLeading | Qt::TextSingleLine,
                              QFontMetrics(font).elidedText(text, Qt::ElideRight, rect.width()));
        };
        const QFontMetrics secondary(m_theme.secondary());
        const QString shortcut = index.data(ShortcutRole).toString();
        if (!shortcut.isEmpty()) {
            write(take(secondary.horizontalAdvance(shortcut) + 2, true),
                  m_theme.secondary(),
                  quiet,
                  shortcut);
        }
        const QString name = index.data(Qt::DisplayRole).toString();
        const int nameWidth =
            std::min(rest.width(), QFontMetrics(m_theme.body()).horizontalAdvance(name) + 2);
        write(take(nameWidth, false),
              m_theme.body(),
              enabled ? m_theme.colour(Tone::Text) : quiet,
              name);
        if (rest.width() > 40) {
            write(rest, m_theme.secondary(), quiet, index.data(PathRole).toString());
        }
        painter->restore();
    }

private:
    theme::Theme& m_theme;
};

} // namespace

std::optional<int> fuzzyScore(const QString& typed, const QString& text)
{
    int score = 0;
    qsizetype at = 0;
    bool neighbour = false;
    for (const QChar wanted : typed) {
        if (wanted.isSpace()) {
            neighbour = false;
            continue;
        }
        qsizetype found = -1;
        for (qsizetype i = at; i < text.size(); ++i) {
            if (text.at(i).toCaseFolded() != wanted.toCaseFolded()) {
                continue;
            }
            const bool wordStart = i == 0 || !text.at(i - 1).isLetterOrNumber();
            if (found < 0) {
                found = i;
            }
            if (wordStart || (neighbour && i == at)) {
                found = i;
                break;
            }
        }
        if (found < 0) {
            return std::nullopt;
        }
        const bool wordStart = found == 0 || !text.at(found - 1).isLetterOrNumber();
        score += neighbour && found == at ? 8 : 0;
        score += wordStart ? 6 : 0;
        score -= int(std::min<qsizetype>(found - at, 5));
        neighbour = true;
        at = found + 1;
    }
    return score * 10 - int(std::min<qsizetype>(text.size(), 200)) / 4;
}

Palette::Palette(theme::Theme& theme, QWidget* window)
    : QFrame(window), m_theme(theme), m_words(new QLineEdit(this)), m_list(new QListWidget(this))
{
    setAccessibleName(tr("Command palette"));
    setFrameShape(QFrame::NoFrame);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(space::related, space::related, space::related, space::related);
    layout->setSpacing(space::related);
    m_words->setPlaceholderText(tr("Type the name of an action"));
    m_words->setAccessibleName(tr("Name of an action"));
    m_words->installEventFilter(this);
    m_list->setAccessibleName(tr("Actions"));
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setItemDelegate(new CommandDelegate(theme, m_list));
    m_list->setUniformItemSizes(true);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_list->installEventFilter(this);
    layout->addWidget(m_words);
    layout->addWidget(m_list);
    connect(m_words, &QLineEdit::textChanged, this, &Palette::filter);
    connect(m_list, &QListWidget::itemClicked, this, &Palette::run);
    window->installEventFilter(this);
    hide();
}

void Palette::open(const QList<Command>& commands)
{
    m_focusBefore = QApplication::focusWidget();
    m_commands = commands;
    m_words->clear();
    filter();
    fit();
    show();
    raise();
    m_words->setFocus(Qt::PopupFocusReason);
}

void Palette::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.fillRect(rect(), palette().color(QPalette::Window));
    painter.setPen(QPen(m_theme.colour(Tone::Secondary), 1));
    painter.drawRect(rect().adjusted(0, 0, -1, -1));
}

void Palette::fit()
{
    const QSize window = parentWidget()->size();
    const int rows = 12;
    const int width = std::min(window.width() - 2 * space::group,
                               std::max(480, QFontMetrics(m_theme.body()).averageCharWidth() * 72));
    const int height =
        std::min(window.height() - 2 * space::group,
                 m_words->sizeHint().height() + m_theme.rowHeight() * rows + 3 * space::related);
    setGeometry(
        (window.width() - width) / 2, std::min(60, (window.height() - height) / 2), width, height);
}

void Palette::filter()
{
    const QString typed = m_words->text().trimmed();
    struct Hit
    {
        int score;
        qsizetype command;
    };
    QList<Hit> hits;
    for (qsizetype i = 0; i < m_commands.size(); ++i) {
        const Command& command = m_commands.at(i);
        if (!command.action) {
            continue;
        }
        const QString name = plainText(*command.action);
        const auto byName = fuzzyScore(typed, name);
        const auto byPath = fuzzyScore(typed, QString(command.path + u' ' + name));
        if (byName || byPath) {
            hits.append({std::max(byName.value_or(-10'000) + 20, byPath.value_or(-10'000)), i});
        }
    }
    if (!typed.isEmpty()) {
        std::ranges::stable_sort(hits, std::ranges::greater{}, &Hit::score);
    }
    m_list->clear();
    for (const Hit& hit : hits) {
        const Command& command = m_commands.at(hit.command);
        // What can be on or off shows that instead of its picture.
        const QIcon icon = !command.action->isCheckable() ? command.action->icon()
                           : command.action->isChecked()  ? m_theme.icon(u"check"_s)
                                                          : QIcon();
        auto* item = new QListWidgetItem(icon, plainText(*command.action));
        const QString shortcut = command.action->shortcut().toString(QKeySequence::NativeText);
        item->setData(ShortcutRole, shortcut);
        item->setData(PathRole, command.path);
        item->setData(CommandRole, hit.command);
        item->setData(Qt::AccessibleTextRole,
                      shortcut.isEmpty() ? item->text() : tr("%1, %2").arg(item->text(), shortcut));
        if (!command.action->isEnabled()) {
            item->setFlags(Qt::ItemIsSelectable);
        }
        m_list->addItem(item);
    }
    m_list->setCurrentRow(0);
}

QStringList Palette::shown() const
{
    QStringList names;
    for (int i = 0; i < m_list->count(); ++i) {
        names.append(m_list->item(i)->text());
    }
    return names;
}

void Palette::run()
{
    const QListWidgetItem* item = m_list->currentItem();
    if (!item || !(item->flags() & Qt::ItemIsEnabled)) {
        return;
    }
    const QPointer<QAction> action = m_commands.at(item->data(CommandRole).toLongLong()).action;
    leave();
    if (action) {
        action->trigger();
    }
}

void Palette::leave()
{
    hide();
    if (m_focusBefore) {
        m_focusBefore->setFocus(Qt::PopupFocusReason);
    }
}

bool Palette::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::KeyPress && (watched == m_words || watched == m_list)) {
        const auto* key = static_cast<QKeyEvent*>(event);
        switch (key->key()) {
        case Qt::Key_Escape:
            leave();
            return true;
        case Qt::Key_Return:
        case Qt::Key_Enter:
            run();
            return true;
        case Qt::Key_Up:
        case Qt::Key_Down:
        case Qt::Key_PageUp:
        case Qt::Key_PageDown:
            if (watched == m_words) {
                QApplication::sendEvent(m_list, event);
                return true;
            }
            break;
        default:
            break;
        }
    }
    if (event->type() == QEvent::FocusOut && isVisible() &&
        (watched == m_words || watched == m_list)) {
        // It is gone as soon as somebody looks elsewhere.
        QMetaObject::invokeMethod(
            this,
            [this] {
                if (isVisible() && !m_words->hasFocus() && !m_list->hasFocus()) {
                    hide();
                }
            },
            Qt::QueuedConnection);
    }
    if (watched == parentWidget() && event->type() == QEvent::Resize && isVisible()) {
        fit();
    }
    return QFrame::eventFilter(watched, event);
}

} // namespace sb::shell
