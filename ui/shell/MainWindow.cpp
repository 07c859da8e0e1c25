#include "ui/shell/MainWindow.h"

#include "ui/shell/Dock.h"
#include "ui/shell/Palette.h"
#include "ui/shell/StatusLine.h"
#include "ui/widgets/Labels.h"
#include "ui/widgets/StateFile.h"

#include <QApplication>
#include <QBoxLayout>
#include <QCloseEvent>
#include <QDesktopServices>
#include <QDir>
#include <QGuiApplication>
#include <QMenuBar>
#include <QMessageBox>
#include <QPushButton>
#include <QScreen>
#include <QShortcut>
#include <QUrl>

using namespace Qt::StringLiterals;

namespace sb::shell {

namespace {

constexpr int layoutVersion = 1;

void collect(QList<Palette::Command>& commands, const QList<QAction*>& actions, const QString& path)
{
    for (QAction* action : actions) {
        if (action->isSeparator() || !action->isVisible()) {
            continue;
        }
        if (QMenu* menu = action->menu()) {
            QString title = menu->title();
            title.remove(u'&');
            collect(commands,
                    menu->actions(),
                    path.isEmpty() ? title : QString(path + u" › "_s + title));
        } else if (!action->text().isEmpty()) {
            commands.append({path, action});
        }
    }
}

} // namespace

MainWindow::MainWindow(bridge::Bridge& bridge, theme::Theme& theme, Clock& clock, Settings settings)
    : m_bridge(bridge)
    , m_theme(theme)
    , m_palette(new Palette(theme, this))
    , m_status(new StatusLine(theme, this))
    , m_storeKey(std::move(settings.storeKey))
{
    QDir().mkpath(settings.stateDir);
    m_state = std::make_unique<widgets::StateFile>(settings.stateDir + u"/window.json"_s);
    setObjectName(u"signalbox"_s);
    setWindowTitle(tr("Signalbox"));
    setWindowIcon(theme.icon(u"signalbox"_s));
    setDockNestingEnabled(true);
    setDockOptions(AnimatedDocks | AllowNestedDocks | AllowTabbedDocks);
    setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    setStatusBar(m_status);
    if (!settings.themeForced) {
        const QString scheme = m_state->values().value(u"theme"_s).toString();
        if (!scheme.isEmpty()) {
            theme.setScheme(scheme == u"dark" ? theme::Scheme::Dark : theme::Scheme::Light);
        }
    }
    if (m_state->values().value(u"density"_s).toString() == u"compact") {
        theme.setDensity(theme::Density::Compact);
    }

    makePanels({bridge, theme, clock, settings.stateDir}, settings.panels);
    makeMenus();
    makeBanners();
    connect(m_status, &StatusLine::panelWanted, this, [this](const QString& id) {
        if (Dock* wanted = dock(id)) {
            wanted->jumpTo();
        }
    });
    connect(&bridge, &bridge::Bridge::snapshotLoaded, this, [this] {
        m_status->setTotals(m_bridge.totals());
        m_lostBanner->hide();
        refreshBanners();
        readVault();
    });
    connect(&bridge, &bridge::Bridge::snapshotFailed, this, [this](const Error& error) {
        m_lostBanner->setText(tr("The runtime did not answer. %1").arg(error.message));
        m_lostBanner->show();
    });
    connect(&bridge, &bridge::Bridge::totalsChanged, m_status, &StatusLine::setTotals);
    connect(&bridge, &bridge::Bridge::configProblemChanged, this, &MainWindow::refreshBanners);
    connect(&bridge, &bridge::Bridge::keyProblemsChanged, this, &MainWindow::readVault);
    connect(&bridge, &bridge::Bridge::agentsChanged, this, &MainWindow::refreshBanners);
    connect(&bridge, &bridge::Bridge::channelsChanged, this, &MainWindow::refreshBanners);
    connect(&bridge, &bridge::Bridge::activated, this, &MainWindow::bringToFront);

    resize(1280, 800);
    restoreLayout();
    m_restoring = false;
    bridge.start();
}

MainWindow::~MainWindow()
{
    // The docks tell that they disappear; this must not reach a window that is half gone.
    m_restoring = true;
    qDeleteAll(std::exchange(m_docks, {}));
}

Dock* MainWindow::dock(const QString& panelId) const
{
    for (Dock* one : m_docks) {
        if (one->panel().id() == panelId) {
            return one;
        }
    }
    return nullptr;
}

void MainWindow::makePanels(const panels::Context& context, const std::vector<PanelEntry>& entries)
{
    for (const PanelEntry& entry : entries) {
        panels::Panel* panel = entry.make(context);
        auto* made = new Dock(panel, m_theme, this);
        m_docks.append(made);
        m_places.push_back(entry.place);
        connect(panel, &panels::Panel::linkActivated, this, &MainWindow::openLink);
        connect(panel, &panels::Panel::problem, this, &MainWindow::say);
        connect(panel, &panels::Panel::actionRequested, this, [this](const QString& name) {
            if (auto* action = findChild<QAction*>(name)) {
                action->trigger();
            }
        });
        connect(panel,
                &panels::Panel::currentChannelChanged,
                this,
                [this](const QString& agent, const QString& channel) {
                    m_currentAgent = agent;
                    for (Dock* one : std::as_const(m_docks)) {
                        one->panel().setCurrentChannel(agent, channel);
                    }
                    refreshBanners();
                });
        for (const auto signal : {&QDockWidget::topLevelChanged, &QDockWidget::visibilityChanged}) {
            connect(made, signal, this, &MainWindow::saveLayout);
        }
        connect(made, &QDockWidget::dockLocationChanged, this, &MainWindow::saveLayout);
    }
}

void MainWindow::makeBanners()
{
    const auto banner = [this](const QString& icon, theme::Tone tone) {
        auto* made = new widgets::Banner(m_theme, icon, tone, {}, this);
        made->hide();
        m_top->addWidget(made);
        return made;
    };
    m_lostBanner = banner(u"offline"_s, theme::Tone::Failed);
    m_configBanner = banner(u"warning"_s, theme::Tone::Waiting);
    m_configBanner->addButton(tr("Open the file"), [this] { openConfig(); });
    m_agentBanner = banner(u"warning"_s, theme::Tone::Waiting);
    m_agentBanner->addButton(tr("Open signalbox.yaml"), [this] { openConfig(); });
    m_keyBanner = banner(u"warning"_s, theme::Tone::Waiting);
    m_unlockButton = m_keyBanner->addButton(tr("Unlock the vault…"), [this] { unlockVault(); });
    m_storeButton = m_keyBanner->addButton(tr("Store a key…"), [this] {
        const auto& problems = m_bridge.keyProblems();
        storeKey(problems.isEmpty() ? QString() : problems.first().reference);
    });
    m_namedButton = m_keyBanner->addButton(tr("Open signalbox.yaml"), [this] { openConfig(); });
    m_setupBanner = banner(u"info"_s, theme::Tone::Secondary);
    m_setupBanner->setText(tr("No agent is configured yet."));
    m_setupBanner->addButton(tr("Write a signalbox.yaml"), [this] { openConfig(); });
    m_welcome = banner(u"tour"_s, theme::Tone::Accent);
    m_welcome->setText(tr("New here? The tour shows an agent repair a failing test, without a "
                          "model and without network."));
    m_welcome->addButton(tr("Take the tour"), [this] { takeTour(); });
    m_welcome->addButton(tr("Not now"), [this] {
        m_state->set(u"welcomed"_s, true);
        refreshBanners();
    });
}

void MainWindow::refreshBanners()
{
    if (!m_bridge.isLoaded()) {
        return;
    }
    const bool fresh =
        m_bridge.channels().isEmpty() && !m_state->values().value(u"welcomed"_s).toBool();
    m_welcome->setVisible(fresh);
    // A first start is no problem, and one banner is enough for it: the empty panels say the rest.
    const bool lacksConfig = m_bridge.lacksConfig();
    m_setupBanner->setVisible(lacksConfig && !fresh);
    const QString problem = lacksConfig ? QString() : m_bridge.configProblem();
    if (!problem.isEmpty()) {
        m_configBanner->setText(problem);
    }
    m_configBanner->setVisible(!problem.isEmpty());
    // The conversation tells what is wrong with its own agent.
    QStringList broken;
    for (const auto& agent : m_bridge.agents()) {
        if (!agent.problem.isEmpty() && agent.id != m_currentAgent) {
            broken.append(tr("Agent %1: %2").arg(agent.id, agent.problem));
        }
    }
    if (!broken.isEmpty()) {
        m_agentBanner->setText(
            broken.size() == 1
                ? broken.first()
                : tr("%1 (and %n more)", nullptr, int(broken.size()) - 1).arg(broken.first()));
    }
    m_agentBanner->setVisible(!broken.isEmpty());
}

// Channels | conversation | approvals above workers; the journal below the first two. With large
// text or on a low screen the right column becomes tabs: panels that are cut off help nobody.
void MainWindow::arrange()
{
    using Place = PanelEntry::Place;
    const auto at = [&](Place place) {
        QList<Dock*> found;
        for (int i = 0; i < int(m_docks.size()); ++i) {
            if (m_places[size_t(i)] == place) {
                found.append(m_docks.at(i));
            }
        }
        return found;
    };
    for (Dock* one : std::as_const(m_docks)) {
        one->setFloating(false);
        removeDockWidget(one);
    }
    const int lines = height() / std::max(1, QFontMetrics(m_theme.body()).height());
    const bool low = lines < 32;
    // Everything stands in one area: that is the only way to say how areas share the window.
    QList<Dock*> left = at(Place::Left);
    QList<Dock*> middle = at(Place::Middle);
    QList<Dock*> right = at(Place::Right) + at(Place::RightBelow);
    QList<Dock*> bottom = at(Place::Bottom);
    if (low) {
        right += std::exchange(bottom, {});
    }
    QList<Dock*> columns; // the first dock of each
    const auto column = [&](const QList<Dock*>& docks, bool tabs) {
        if (docks.isEmpty()) {
            return;
        }
        if (columns.isEmpty()) {
            addDockWidget(Qt::LeftDockWidgetArea, docks.first());
        } else {
            splitDockWidget(columns.last(), docks.first(), Qt::Horizontal);
        }
        columns.append(docks.first());
        for (int i = 1; i < int(docks.size()); ++i) {
            if (tabs) {
                tabifyDockWidget(docks.at(i - 1), docks.at(i));
            } else {
                splitDockWidget(docks.at(i - 1), docks.at(i), Qt::Vertical);
            }
        }
    };
    const QList<Dock*> main = left + middle;
    if (!main.isEmpty()) {
        column({main.first()}, false);
        column(right, low);
        if (!bottom.isEmpty()) {
            splitDockWidget(main.first(), bottom.first(), Qt::Vertical);
            for (int i = 1; i < int(bottom.size()); ++i) {
                tabifyDockWidget(bottom.first(), bottom.at(i));
            }
        }
        for (int i = 1; i < int(main.size()); ++i) {
            splitDockWidget(main.at(i - 1), main.at(i), Qt::Horizontal);
        }
    } else {
        column(right, low);
        column(bottom, true);
    }
    for (Dock* one : std::as_const(m_docks)) {
        one->show();
    }
    if (!right.isEmpty()) {
        right.first()->raise();
    }
    if (!bottom.isEmpty()) {
        bottom.first()->raise(); // of its tabs, the last added would be on top
    }
    const auto share = [&](const QList<QDockWidget*>& docks,
                           const QList<int>& parts,
                           Qt::Orientation orientation) {
        if (docks.size() == parts.size() && !docks.contains(nullptr)) {
            resizeDocks(docks, parts, orientation);
        }
    };
    const auto first = [](const QList<Dock*>& docks) -> QDockWidget* {
        return docks.isEmpty() ? nullptr : docks.first();
    };
    share({first(left), first(middle), first(right)},
          {width() * 18 / 100, width() * 47 / 100, width() * 35 / 100},
          Qt::Horizontal);
    if (!low) {
        share({first(middle), first(bottom)},
              {height() * 72 / 100, height() * 28 / 100},
              Qt::Vertical);
        share({first(at(Place::Right)), first(at(Place::RightBelow))},
              {height() / 2, height() / 2},
              Qt::Vertical);
    }
}

void MainWindow::resetLayout()
{
    m_restoring = true;
    arrange();
    m_restoring = false;
    saveLayout();
}

void MainWindow::restoreLayout()
{
    arrange();
    const QJsonObject& values = m_state->values();
    const auto bytes = [&](const QString& key) {
        return QByteArray::fromBase64(values.value(key).toString().toLatin1());
    };
    if (const QByteArray geometry = bytes(u"geometry"_s); !geometry.isEmpty()) {
        restoreGeometry(geometry);
    }
    if (const QByteArray layout = bytes(u"layout"_s); !layout.isEmpty()) {
        if (restoreState(layout, layoutVersion)) {
            placeNewDocks(layout);
        } else {
            arrange(); // from another version
        }
    }
}

// A layout that was saved before a panel existed says nothing of it, and Qt puts it anywhere: it
// goes where the default layout has it, among the tabs of its neighbour.
void MainWindow::placeNewDocks(const QByteArray& layout)
{
    const auto isKnown = [&](const Dock* one) {
        // As QDataStream writes a text: UTF-16, the higher byte first.
        QByteArray name;
        for (const QChar c : one->objectName()) {
            name += char(c.unicode() >> 8);
            name += char(c.unicode() & 0xff);
        }
        return layout.contains(name);
    };
    for (int i = 0; i < int(m_docks.size()); ++i) {
        Dock* const fresh = m_docks.at(i);
        if (isKnown(fresh)) {
            continue;
        }
        for (int j = 0; j < int(m_docks.size()); ++j) {
            Dock* const neighbour = m_docks.at(j);
            if (j == i || m_places[size_t(j)] != m_places[size_t(i)] || !isKnown(neighbour) ||
                neighbour->isFloating() || neighbour->isHidden()) {
                continue;
            }
            tabifyDockWidget(neighbour, fresh);
            fresh->show();
            neighbour->raise(); // what was in sight stays there
            break;
        }
    }
}

void MainWindow::saveLayout()
{
    if (m_restoring || !isVisible()) {
        return;
    }
    m_state->set(u"layout"_s, QString::fromLatin1(saveState(layoutVersion).toBase64()));
    m_state->set(u"geometry"_s, QString::fromLatin1(saveGeometry().toBase64()));
}

void MainWindow::showEvent(QShowEvent* event)
{
    QMainWindow::showEvent(event);
    if (std::exchange(m_firstShow, false)) {
        for (Dock* one : std::as_const(m_docks)) {
            one->restoreOwnWindow();
        }
    }
    for (Dock* one :
         std::as_const(m_docks)) { // a restored layout hides docks without telling their actions
        findChild<QAction*>(u"show-"_s + one->panel().id())->setChecked(!one->isHidden());
    }
    if (!event->spontaneous() && !focusWidget()) {
        if (Dock* conversation = dock(u"conversation"_s)) {
            conversation->panel().focusTarget()->setFocus(Qt::OtherFocusReason);
        }
    }
}

void MainWindow::closeEvent(QCloseEvent* event)
{
    saveLayout();
    m_restoring = true; // docks close one after the other now; that is no layout
    QMainWindow::closeEvent(event);
}

Dock* MainWindow::focusedDock() const
{
    const QWidget* focus = QApplication::focusWidget();
    for (Dock* one : m_docks) {
        if (focus && (one == focus || one->isAncestorOf(focus))) {
            return one;
        }
    }
    return nullptr;
}

void MainWindow::cycle(int step)
{
    const int count = int(m_docks.size());
    const auto current = m_docks.indexOf(focusedDock());
    for (int i = 1; i <= count; ++i) {
        const int start = current < 0 ? (step > 0 ? -1 : 0) : int(current);
        Dock* next = m_docks.at(((start + step * i) % count + count) % count);
        if (!next->isHidden()) { // a tab that is not on top counts as shown
            next->jumpTo();
            return;
        }
    }
}

void MainWindow::openPalette()
{
    readVault();
    QList<Palette::Command> commands;
    collect(commands, menuWidget()->findChild<QMenuBar*>()->actions(), {});
    for (Dock* one : std::as_const(m_docks)) {
        collect(commands, one->panel().actions(), one->panel().title());
    }
    // An action that stands in two menus is one action.
    QList<Palette::Command> once;
    for (const auto& command : std::as_const(commands)) {
        if (std::ranges::none_of(
                once, [&](const auto& known) { return known.action == command.action; })) {
            once.append(command);
        }
    }
    if (!isActiveWindow()) {
        activateWindow();
    }
    m_palette->open(once);
}

void MainWindow::search()
{
    Dock* focused = focusedDock();
    if (focused && focused->panel().search()) {
        return;
    }
    if (Dock* conversation = dock(u"conversation"_s)) {
        conversation->panel().search();
    }
}

void MainWindow::openLink(const panels::Link& link)
{
    for (Dock* one : std::as_const(m_docks)) {
        if (one->panel().open(link)) {
            // Choosing a conversation in the list must not take the focus from the list.
            if (link.to == panels::Link::To::Channel && focusedDock() && focusedDock() != one) {
                one->show();
                one->raise();
            } else {
                one->jumpTo();
            }
            return;
        }
    }
    say(tr("There is no panel that can show this."));
}

void MainWindow::takeTour()
{
    if (m_tourStarting) {
        return; // pressed twice
    }
    m_tourStarting = true;
    protocol::StartRun command;
    command.tour = true;
    m_bridge.request(command, this, [this](Result<protocol::StartRun::Reply> reply) {
        m_tourStarting = false;
        if (!reply) {
            say(tr("The tour did not start. %1").arg(reply.error().message));
            return;
        }
        m_state->set(u"welcomed"_s, true);
        refreshBanners();
        openLink({panels::Link::To::Channel, reply->agent, reply->channel, 0});
    });
}

void MainWindow::openConfig()
{
    const QString path = m_bridge.configPath();
    if (path.isEmpty()) {
        say(tr("The runtime has not said yet where its signalbox.yaml is."));
    } else if (QFile::exists(path)) {
        editConfig(path);
    } else {
        writeConfig();
    }
}

void MainWindow::writeConfig()
{
    if (std::exchange(m_writingConfig, true)) {
        return; // pressed twice
    }
    m_bridge.request(
        protocol::WriteConfig{}, this, [this](Result<protocol::WriteConfig::Reply> reply) {
            m_writingConfig = false;
            if (reply) {
                say(tr("Written: %1").arg(reply->path));
                editConfig(reply->path);
            } else if (QFile::exists(m_bridge.configPath())) {
                editConfig(m_bridge.configPath()); // somebody was faster
            } else {
                say(tr("The file was not written. %1").arg(reply.error().message));
            }
            refreshBanners();
        });
}

void MainWindow::editConfig(const QString& path)
{
    if (!QDesktopServices::openUrl(QUrl::fromLocalFile(path))) {
        say(tr("No program opened the file. It is %1").arg(path));
    }
}

void MainWindow::about()
{
    auto* box = new QMessageBox(QMessageBox::NoIcon,
                                tr("About Signalbox"),
                                tr("Signalbox %1").arg(QLatin1StringView(SB_VERSION)),
                                QMessageBox::Close,
                                this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setIconPixmap(m_theme.pixmap(
        u"signalbox"_s, 48, m_theme.colour(theme::Tone::Accent), devicePixelRatioF()));
    box->setInformativeText(
        tr("A workbench that hosts long-lived AI agents. Many things move at once, all of them are "
           "in sight, "
           "and the dangerous moves wait for your signal.\n\nLicence: Apache-2.0. Qt %1.")
            .arg(QLatin1StringView(qVersion())));
    box->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    box->setModal(false);
    box->show();
}

void MainWindow::say(const QString& sentence)
{
    m_status->showMessage(sentence, 10'000);
}

void MainWindow::bringToFront(const QString& token)
{
    if (!token.isEmpty()) {
        // Qt's Wayland platform takes the token from here when a window asks to be activated.
        qputenv("XDG_ACTIVATION_TOKEN", token.toUtf8());
    }
    if (isMinimized()) {
        showNormal();
    } else {
        show();
    }
    raise();
    activateWindow();
}

} // namespace sb::shell
