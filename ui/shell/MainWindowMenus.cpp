// The menus of the main window and what they do. Every action here is in the palette too.
#include "ui/shell/Dock.h"
#include "ui/shell/MainWindow.h"
#include "ui/widgets/StateFile.h"

#include <QActionGroup>
#include <QApplication>
#include <QBoxLayout>
#include <QMenuBar>

using namespace Qt::StringLiterals;

namespace sb::shell {

QAction* MainWindow::add(QMenu* menu,
                         const QString& name,
                         const QString& icon,
                         const QString& text,
                         const QKeySequence& keys,
                         std::function<void()> run)
{
    auto* action = new QAction(text, this);
    action->setObjectName(name);
    if (!icon.isEmpty()) {
        action->setIcon(m_theme.icon(icon));
    }
    action->setShortcut(keys);
    action->setShortcutContext(Qt::ApplicationShortcut); // in floating panels too
    connect(action, &QAction::triggered, this, std::move(run));
    menu->addAction(action);
    addAction(action);
    return action;
}

void MainWindow::makeMenus()
{
    auto* top = new QWidget(this);
    m_top = new QVBoxLayout(top);
    m_top->setContentsMargins({});
    m_top->setSpacing(0);
    auto* bar = new QMenuBar(top);
    m_top->addWidget(bar);
    setMenuWidget(top);

    QMenu* file = bar->addMenu(tr("&File"));
    if (Dock* channels = dock(u"channels"_s)) {
        if (auto* begin = channels->panel().findChild<QAction*>(u"new-conversation"_s)) {
            begin->setShortcutContext(Qt::ApplicationShortcut);
            file->addAction(begin);
        }
    }
    add(file, u"tour"_s, u"tour"_s, tr("Take the &tour"), {}, [this] { takeTour(); });
    add(file,
        u"open-config"_s,
        u"file"_s,
        tr("&Open signalbox.yaml"),
        QKeySequence(u"Ctrl+,"_s),
        [this] { openConfig(); });
    file->addSeparator();
    add(file, u"store-key"_s, u"plus"_s, tr("&Store a key…"), {}, [this] {
        storeKey({});
    })->setEnabled(bool(m_storeKey));
    add(file, u"unlock-vault"_s, u"eye"_s, tr("&Unlock the vault…"), {}, [this] {
        unlockVault();
    })->setEnabled(false); // until it is known that there is one, and locked
    connect(file, &QMenu::aboutToShow, this, &MainWindow::readVault);
    file->addSeparator();
    add(file, u"quit"_s, u"quit"_s, tr("&Quit"), QKeySequence(u"Ctrl+Q"_s), [] {
        QApplication::closeAllWindows();
    });

    m_view = bar->addMenu(tr("&View"));
    m_panelsMenu = m_view->addMenu(tr("&Panels"));
    for (Dock* one : std::as_const(m_docks)) {
        // The dock's own action is renamed with its title, and so would say "Approvals (2)".
        const QString name = u"show-"_s + one->panel().id();
        QAction* toggle = add(m_panelsMenu,
                              name,
                              one->panel().iconName(),
                              tr("Show %1").arg(one->panel().title()),
                              {},
                              [one] { one->setVisible(one->isHidden()); });
        toggle->setCheckable(true);
        toggle->setChecked(true);
        connect(one->toggleViewAction(), &QAction::toggled, toggle, &QAction::setChecked);
    }
    QMenu* windows = m_view->addMenu(tr("Open in a new &window"));
    for (Dock* one : std::as_const(m_docks)) {
        add(windows,
            u"window-"_s + one->panel().id(),
            u"window"_s,
            tr("Open %1 in a new window").arg(one->panel().title()),
            {},
            [one] {
                one->show();
                one->setInOwnWindow(true);
                one->jumpTo();
            });
    }
    add(m_view, u"dock-all"_s, u"dock"_s, tr("Put all panels &back into this window"), {}, [this] {
        for (Dock* one : std::as_const(m_docks)) {
            one->setInOwnWindow(false);
        }
    });
    add(m_view, u"reset-layout"_s, u"undo"_s, tr("&Reset the layout to the default"), {}, [this] {
        resetLayout();
    });
    m_view->addSeparator();
    QMenu* themes = m_view->addMenu(tr("&Theme"));
    auto* schemes = new QActionGroup(this);
    const QString remembered = m_state->values().value(u"theme"_s).toString();
    const auto scheme = [&](const QString& name, const QString& text, theme::Scheme value) {
        QAction* action = add(themes, u"theme-"_s + name, {}, text, {}, [this, name, value] {
            m_theme.setScheme(value);
            m_state->set(u"theme"_s,
                         value == theme::Scheme::System ? QJsonValue(QJsonValue::Undefined)
                                                        : QJsonValue(name));
        });
        action->setCheckable(true);
        action->setChecked(value == theme::Scheme::System ? remembered.isEmpty()
                                                          : remembered == name);
        schemes->addAction(action);
    };
    scheme(u"system"_s, tr("Theme of the &system"), theme::Scheme::System);
    scheme(u"light"_s, tr("&Light theme"), theme::Scheme::Light);
    scheme(u"dark"_s, tr("&Dark theme"), theme::Scheme::Dark);
    QAction* compact = add(m_view, u"compact"_s, {}, tr("&Compact rows"), {}, [this] {
        const bool wanted = findChild<QAction*>(u"compact"_s)->isChecked();
        m_theme.setDensity(wanted ? theme::Density::Compact : theme::Density::Comfortable);
        m_state->set(u"density"_s,
                     wanted ? QJsonValue(u"compact"_s) : QJsonValue(QJsonValue::Undefined));
    });
    compact->setCheckable(true);
    compact->setChecked(m_theme.density() == theme::Density::Compact);

    QMenu* go = bar->addMenu(tr("&Go"));
    add(go, u"palette"_s, u"palette"_s, tr("&Find an action …"), QKeySequence(u"Ctrl+K"_s), [this] {
        openPalette();
    });
    add(go, u"find"_s, u"search"_s, tr("Find in this &panel"), QKeySequence::Find, [this] {
        search();
    });
    go->addSeparator();
    add(go, u"next-panel"_s, {}, tr("&Next panel"), QKeySequence(u"F6"_s), [this] { cycle(1); });
    add(go, u"previous-panel"_s, {}, tr("Pre&vious panel"), QKeySequence(u"Shift+F6"_s), [this] {
        cycle(-1);
    });
    go->addSeparator();
    for (int i = 0; i < int(m_docks.size()); ++i) {
        Dock* one = m_docks.at(i);
        const QKeySequence keys = i < 9 ? QKeySequence(u"Ctrl+%1"_s.arg(i + 1)) : QKeySequence();
        add(go,
            u"go-"_s + one->panel().id(),
            one->panel().iconName(),
            tr("Go to %1").arg(one->panel().title()),
            keys,
            [one] { one->jumpTo(); });
    }
    // A name that panels use, without naming the panel.
    auto* focus = new QAction(this);
    focus->setObjectName(u"focus-conversation"_s);
    connect(focus, &QAction::triggered, this, [this] {
        if (Dock* conversation = dock(u"conversation"_s)) {
            conversation->jumpTo();
        }
    });

    QMenu* help = bar->addMenu(tr("&Help"));
    help->addAction(findChild<QAction*>(u"tour"_s));
    add(help, u"about"_s, u"info"_s, tr("&About Signalbox"), {}, [this] { about(); });
}

} // namespace sb::shell
