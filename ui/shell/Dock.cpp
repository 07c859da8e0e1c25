#include "ui/shell/Dock.h"

#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QBoxLayout>
#include <QLabel>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace sb::shell {

namespace space = theme::space;

Dock::Dock(panels::Panel* panel, theme::Theme& theme, QWidget* parent)
    : QDockWidget(panel->title(), parent), m_panel(panel), m_theme(theme)
{
    setObjectName(u"dock-"_s + panel->id());
    setAccessibleName(panel->title());
    setWidget(panel);
    setFeatures(DockWidgetClosable | DockWidgetMovable | DockWidgetFloatable);
    setWindowIcon(theme.icon(panel->iconName()));

    auto* bar = new QWidget(this);
    auto* layout = new QHBoxLayout(bar);
    layout->setContentsMargins(space::margin, space::inside, space::inside, space::inside);
    layout->setSpacing(space::inside);
    auto* picture = new QLabel(bar);
    layout->addWidget(picture);
    layout->addSpacing(space::inside);
    m_title = new widgets::ElidedLabel({}, Qt::ElideRight, bar);
    layout->addWidget(m_title, 1);
    const auto button = [&](auto pressed) {
        auto* result = new QToolButton(bar);
        result->setAutoRaise(true);
        result->setFocusPolicy(Qt::TabFocus);
        connect(result, &QToolButton::clicked, this, pressed);
        layout->addWidget(result);
        return result;
    };
    m_window = button([this] { setInOwnWindow(!isFloating()); });
    m_hide = button([this] { close(); });
    m_hide->setIcon(theme.icon(u"cross"_s, theme::Tone::Secondary));
    setTitleBarWidget(bar);

    const auto restyle = [this, picture] {
        QFont font = m_theme.body();
        font.setWeight(QFont::DemiBold);
        m_title->setFont(font);
        picture->setPixmap(m_theme.pixmap(m_panel->iconName(),
                                          m_theme.iconSize(),
                                          m_theme.colour(theme::Tone::Secondary),
                                          devicePixelRatioF()));
    };
    restyle();
    connect(&theme, &theme::Theme::changed, this, restyle);
    connect(panel, &panels::Panel::badgeChanged, this, &Dock::refreshTitle);
    connect(this, &QDockWidget::topLevelChanged, this, &Dock::refreshTitle);
    refreshTitle();
}

void Dock::refreshTitle()
{
    const QString title =
        m_panel->badge() > 0
            ? tr("%1 (%2)").arg(m_panel->title(), widgets::countText(m_panel->badge()))
            : m_panel->title();
    setWindowTitle(title);
    m_title->setText(title);
    const QString move = isFloating() ? tr("Put %1 back into the window").arg(m_panel->title())
                                      : tr("Open %1 in a new window").arg(m_panel->title());
    m_window->setIcon(m_theme.icon(isFloating() ? u"dock"_s : u"window"_s, theme::Tone::Secondary));
    m_window->setToolTip(move);
    m_window->setAccessibleName(move);
    const QString hide = tr("Hide %1").arg(m_panel->title());
    m_hide->setToolTip(hide);
    m_hide->setAccessibleName(hide);
}

void Dock::setInOwnWindow(bool own)
{
    if (own == isFloating()) {
        return;
    }
    if (!own) {
        setFloating(false);
        return;
    }
    const QSize wanted = size().expandedTo({480, 360});
    setFloating(true);
    // A dock floats as a tool window, which has no entry in the task bar and no frame on some
    // desktops.
    setWindowFlags(Qt::Window);
    resize(wanted);
    show();
}

void Dock::restoreOwnWindow()
{
    if (isFloating() && !isHidden()) {
        const QRect place = geometry();
        setWindowFlags(Qt::Window);
        setGeometry(place);
        show();
    }
}

void Dock::jumpTo()
{
    show();
    raise();
    if (isFloating()) {
        activateWindow();
    } else {
        parentWidget()->activateWindow();
    }
    m_panel->focusTarget()->setFocus(Qt::ShortcutFocusReason);
}

} // namespace sb::shell
