#pragma once
#include "app/workbench/Workbench.h"
#include "ui/shell/Dock.h"

#include <QAbstractButton>
#include <QTemporaryDir>
#include <QTest>

namespace sb::test {

/// The real window on a home of its own, driven as a person drives it: by clicks and keys on what
/// can be seen.
class WindowDriver
{
public:
    /// `prepare` gets the home's folder before the window opens on it.
    explicit WindowDriver(theme::Theme::Options theme = {},
                          const std::function<void(const QString& folder)>& prepare = {})
    {
        if (prepare) {
            prepare(m_folder.path());
        }
        workbench::Workbench::Options options;
        options.home = runtime::Home::locate(m_folder.path());
        options.program = QStringLiteral(SB_BIN_DIR);
        options.theme = theme;
        options.themeForced = true;
        auto opened = workbench::Workbench::open(options);
        if (!opened || !*opened) {
            qFatal("The window cannot be opened: %s",
                   opened ? "another has the home" : qPrintable(opened.error().message));
        }
        m_workbench = std::move(*opened);
        window().resize(1440, 900);
        window().show();
        (void)QTest::qWaitForWindowExposed(&window());
    }

    shell::MainWindow& window() { return m_workbench->window(); }
    protocol::RuntimeClient& client() { return m_workbench->client(); }
    QString folder() const { return m_folder.path(); }

    /// A visible, enabled button with that text or accessible name; null when there is none.
    QAbstractButton* button(const QString& name)
    {
        for (auto* button : window().findChildren<QAbstractButton*>()) {
            QString text = button->text();
            text.remove(u'&');
            if (button->isVisible() && button->isEnabled() &&
                (text == name || button->accessibleName() == name)) {
                return button;
            }
        }
        return nullptr;
    }
    bool click(const QString& name, int milliseconds = 10000)
    {
        if (!QTest::qWaitFor([&] { return button(name) != nullptr; }, milliseconds)) {
            return false;
        }
        QTest::mouseClick(button(name), Qt::LeftButton);
        return true;
    }
    /// Waits until the runtime says so; the window goes on meanwhile.
    bool waitFor(const std::function<bool()>& condition, int milliseconds = 30000)
    {
        return QTest::qWaitFor(condition, milliseconds);
    }
    QList<protocol::ApprovalInfo> approvals(bool all)
    {
        protocol::ListApprovals command;
        command.all = all;
        auto reply = client().request(std::move(command)).wait();
        return reply ? reply->approvals : QList<protocol::ApprovalInfo>();
    }
    QString tourOutcome()
    {
        protocol::QueryJournal query;
        query.agent = QStringLiteral("tour");
        query.kinds = {QStringLiteral("run.finished")};
        auto reply = client().request(std::move(query)).wait();
        return reply && !reply->entries.isEmpty()
                   ? reply->entries.first().payload.value(QStringLiteral("outcome")).toString()
                   : QString();
    }

private:
    QTemporaryDir m_folder;
    std::unique_ptr<workbench::Workbench> m_workbench;
};

} // namespace sb::test
