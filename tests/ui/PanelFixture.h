#pragma once
#include "tests/support/DemoRuntime.h"
#include "ui/bridge/Bridge.h"
#include "ui/panels/Panel.h"
#include "ui/theme/Theme.h"

#include <QAbstractButton>
#include <QAbstractScrollArea>
#include <QAbstractSpinBox>
#include <QComboBox>
#include <QLineEdit>
#include <QTabBar>
#include <QTemporaryDir>
#include <QTest>

namespace sb::test {

/// One panel alone in a window, on a canned runtime and a clock that stands still.
template <class P>
class PanelFixture
{
public:
    explicit PanelFixture(QSize size = {460, 700}, double fontScale = 1.0)
        : m_systemFont(QApplication::font())
        , theme({.scheme = theme::Scheme::Light, .fontScale = fontScale})
        , clock(DemoRuntime::now)
        , bridge(runtime)
        , panel(panels::Context{bridge, theme, clock, folder.path()})
    {
        runtime.fillWithExamples();
        panel.resize(size);
    }
    ~PanelFixture() { QApplication::setFont(m_systemFont); }

    /// Shows the panel and waits for the snapshot; the runtime is filled before.
    void open()
    {
        bridge.start();
        panel.show();
        panel.activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&panel));
        QTRY_VERIFY(bridge.isLoaded());
        settle();
    }
    /// Lets everything happen that was put off: frames of the bridge, layouts.
    void settle() { QTest::qWait(60); }

private:
    QFont m_systemFont; // a theme scales what it finds, so the next one must find the same

public:
    QTemporaryDir folder;
    theme::Theme theme;
    DemoRuntime runtime;
    FakeClock clock;
    bridge::Bridge bridge;
    P panel;
};

/// The visible controls that a screen reader could not name, or that no key reaches.
inline QStringList namelessControls(QWidget& root)
{
    QStringList found;
    for (auto* widget : root.findChildren<QWidget*>()) {
        if (!widget->isVisibleTo(&root) || widget->objectName().startsWith(u"qt_")) {
            continue;
        }
        const auto* button = qobject_cast<QAbstractButton*>(widget);
        const bool isInside =
            qobject_cast<QAbstractScrollArea*>(widget->parentWidget()) != nullptr &&
            qobject_cast<QAbstractScrollArea*>(widget) == nullptr && button == nullptr;
        const bool isControl = button != nullptr || qobject_cast<QLineEdit*>(widget) != nullptr ||
                               qobject_cast<QComboBox*>(widget) != nullptr ||
                               (qobject_cast<QAbstractScrollArea*>(widget) != nullptr &&
                                widget->focusPolicy() != Qt::NoFocus);
        const bool isOwnPart =
            widget->inherits("QHeaderView") || widget->inherits("QTableCornerButton") ||
            widget->inherits("QLineEditIconButton") || widget->inherits("QComboBoxListView") ||
            widget->inherits("QScrollBar") || widget->inherits("QTabBar") ||
            qobject_cast<QTabBar*>(widget->parentWidget()) != nullptr;
        if (!isControl || isInside || isOwnPart) {
            continue;
        }
        const bool hasName =
            !widget->accessibleName().isEmpty() || (button != nullptr && !button->text().isEmpty());
        if (!hasName || widget->focusPolicy() == Qt::NoFocus) {
            found.append(QStringLiteral("%1 \"%2\"")
                             .arg(QLatin1StringView(widget->metaObject()->className()),
                                  widget->objectName()));
        }
    }
    return found;
}

} // namespace sb::test
