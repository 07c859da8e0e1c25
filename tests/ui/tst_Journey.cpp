#include "tests/support/ScriptedModel.h"
#include "tests/ui/WindowDriver.h"

#include "ui/dialogs/PassphraseDialog.h"
#include "ui/dialogs/SecretEdit.h"
#include "ui/dialogs/StoreKeyDialog.h"
#include "ui/panels/conversation/ConversationPanel.h"
#include "ui/panels/conversation/Transcript.h"
#include "ui/panels/conversation/TranscriptView.h"

#include <QDesktopServices>
#include <QDirIterator>
#include <QFileInfo>
#include <QListView>
#include <QProcess>

using namespace sb;
using namespace sb::test;

namespace {

/// Stands in for the desktop's editor.
class Opened final : public QObject
{
    Q_OBJECT
public:
    QList<QUrl> urls;
public Q_SLOTS:
    void open(const QUrl& url) { urls.append(url); }
};

/// A home with the agent "assistant", whose provider and further lines are given.
void writeConfig(const QString& folder, const QString& provider, const QString& more = {})
{
    QDir().mkpath(folder + QStringLiteral("/workspace"));
    QFile file(folder + QStringLiteral("/signalbox.yaml"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(QStringLiteral("models:\n"
                              "  providers:\n"
                              "    - {id: local, api: openai-chat, %1}\n"
                              "  routes: {default: local/m}\n"
                              "agents:\n"
                              "  - id: assistant\n"
                              "    workspace: %2/workspace\n%3")
                   .arg(provider, folder, more)
                   .toUtf8());
}

qint64 say(WindowDriver& driver, const QString& text)
{
    protocol::SendMessage message;
    message.agent = QStringLiteral("assistant");
    message.channel = QStringLiteral("room");
    message.text = text;
    message.from = QStringLiteral("you");
    auto sent = driver.client().request(std::move(message)).wait();
    return sent ? sent->seq : -1;
}

template <class D>
D* dialog(WindowDriver& driver)
{
    (void)driver.waitFor([&] { return driver.window().findChild<D*>() != nullptr; });
    auto* const found = driver.window().findChild<D*>();
    if (found != nullptr) {
        found->activateWindow();
        (void)QTest::qWaitForWindowActive(found);
    }
    return found;
}

void type(QWidget* dialog, int field, const QString& text)
{
    auto* const edit = dialog->findChildren<QLineEdit*>().value(field);
    edit->setFocus();
    QTest::keyClicks(edit, text);
}

/// The files of the home that hold these bytes.
QStringList filesWith(const QString& folder, const QByteArray& bytes)
{
    QStringList found;
    QDirIterator all(folder, QDir::Files | QDir::Hidden, QDirIterator::Subdirectories);
    while (all.hasNext()) {
        QFile file(all.next());
        if (file.open(QIODevice::ReadOnly) && file.readAll().contains(bytes)) {
            found.append(file.fileName());
        }
    }
    return found;
}

} // namespace

/// What a newcomer does, on the real window with the real runtime under it.
class tst_Journey final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void the_tour_ends_in_a_commit_that_a_person_accepted()
    {
        WindowDriver driver;
        QVERIFY(driver.click(QStringLiteral("Take the tour")));
        QVERIFY(driver.waitFor([&] { return driver.approvals(false).size() == 1; }));
        // Return, pressed on the card, decides nothing.
        QVERIFY(driver.waitFor([&] { return driver.button(QStringLiteral("Accept")) != nullptr; }));
        auto* const accept = driver.button(QStringLiteral("Accept"));
        accept->setFocus();
        QTest::keyClick(accept, Qt::Key_Return);
        QTest::keyClick(accept, Qt::Key_Enter);
        QCOMPARE(driver.approvals(false).size(), 1);

        QVERIFY(driver.click(QStringLiteral("Accept")));
        QVERIFY(driver.waitFor([&] { return driver.tourOutcome() == u"succeeded"; }));
        const auto settled = driver.approvals(true);
        QCOMPARE(settled.size(), 1);
        QCOMPARE(settled.first().by, QStringLiteral("window"));

        QProcess git;
        git.start(QStringLiteral("git"),
                  {QStringLiteral("-c"),
                   QStringLiteral("safe.directory=*"),
                   QStringLiteral("-C"),
                   driver.folder() + QStringLiteral("/data/tour/workspace"),
                   QStringLiteral("log"),
                   QStringLiteral("--format=%s")});
        QVERIFY(git.waitForFinished());
        QVERIFY(git.readAllStandardOutput().startsWith(
            "Charge further kilometres only beyond the tenth"));

        // What the worker did is found by keys: its line unfolds to its tools, and those to their
        // output.
        auto& view = static_cast<panels::ConversationPanel&>(
                         driver.window().dock(QStringLiteral("conversation"))->panel())
                         .view();
        const auto* transcript = view.transcript();
        int worker = 0;
        const auto hasEnded = [&] {
            worker = transcript->count() - 1;
            if (transcript->isStreaming() ||
                transcript->row(worker).item.kind != protocol::ItemKind::Agent) {
                return false;
            }
            while (worker > 0 &&
                   transcript->row(worker).item.kind != protocol::ItemKind::Delegate) {
                --worker;
            }
            return transcript->row(worker).duration > 0;
        };
        QVERIFY(driver.waitFor(hasEnded));
        view.setFocus();
        view.setCurrentRow(worker);
        QVERIFY(transcript->row(worker + 1).hidden);
        QTest::keyClick(&view, Qt::Key_Right);
        QVERIFY(!transcript->row(worker + 1).hidden);
        QTest::keyClick(&view, Qt::Key_Down);
        for (int i = 0; i < 50 && view.currentRow() != worker + 1; ++i) {
            QTest::keyClick(&view, Qt::Key_Down); // the unfolded result is longer than the view
        }
        QCOMPARE(view.currentRow(), worker + 1);
        const int folded = view.rowRect(worker + 1).height();
        QTest::keyClick(&view, Qt::Key_Return);
        QVERIFY(transcript->row(worker + 1).open);
        QVERIFY(!transcript->row(worker + 1).item.detail.isEmpty());
        QVERIFY(view.rowRect(worker + 1).height() > folded);

        QVERIFY(driver.click(QStringLiteral("Verify")));
        protocol::VerifyJournal verify;
        verify.agent = QStringLiteral("tour");
        auto report = driver.client().request(verify).wait();
        QVERIFY(report && report->reports.first().ok);
    }

    void the_first_configuration_is_written_from_the_window()
    {
        Opened opened;
        QDesktopServices::setUrlHandler(QStringLiteral("file"), &opened, "open");
        WindowDriver driver;
        QVERIFY(driver.click(QStringLiteral("Not now")));
        QVERIFY(driver.click(QStringLiteral("Write a signalbox.yaml")));
        QVERIFY(driver.waitFor([&] { return !opened.urls.isEmpty(); }));
        QVERIFY(QFileInfo::exists(opened.urls.first().toLocalFile()));
        // The runtime reads it by itself: its agent is there to be spoken with.
        QVERIFY(driver.waitFor(
            [&] { return driver.button(QStringLiteral("Begin a new conversation")) != nullptr; }));
        QVERIFY(driver.button(QStringLiteral("Write a signalbox.yaml")) == nullptr);
        QDesktopServices::unsetUrlHandler(QStringLiteral("file"));
    }

    void a_missing_key_is_stored_and_the_living_runtime_uses_it()
    {
        const auto secret = QStringLiteral("sk-typed-by-a-person-0123456789");
        const auto passphrase = QStringLiteral("correct horse battery");
        ScriptedModel model;
        model.otherwise(text(QStringLiteral("Hello.")));
        {
            WindowDriver driver({}, [&](const QString& folder) {
                writeConfig(folder,
                            QStringLiteral("base_url: \"%1\", key: \"vault:cloud\"")
                                .arg(model.openAiUrl()));
            });
            auto* const unlock =
                driver.window().findChild<QAction*>(QStringLiteral("unlock-vault"));
            QVERIFY(say(driver, QStringLiteral("Are you there?")) > 0);
            QVERIFY(driver.click(QStringLiteral("Store a key…")));
            QVERIFY(!unlock->isEnabled()); // there is no vault yet
            auto* const store = dialog<dialogs::StoreKeyDialog>(driver);
            QVERIFY(store != nullptr);
            QCOMPARE(store->findChildren<QLineEdit*>().first()->text(), QStringLiteral("cloud"));
            type(store, 1, secret);
            QTest::keyClick(store, Qt::Key_Return);
            // Nobody has a vault here yet: the runtime asks for a passphrase.
            auto* const make = dialog<dialogs::PassphraseDialog>(driver);
            QVERIFY(make != nullptr);
            type(make, 0, passphrase);
            type(make, 1, passphrase);
            QTest::keyClick(make, Qt::Key_Return);
            QVERIFY(driver.waitFor([&] {
                return std::ranges::any_of(store->findChildren<QLineEdit*>(), [](auto* line) {
                    return line->text() == u"key: \"vault:cloud\"";
                });
            }));
            store->close();
            QVERIFY(driver.waitFor(
                [&] { return driver.button(QStringLiteral("Store a key…")) == nullptr; }));
            QVERIFY(say(driver, QStringLiteral("And now?")) > 0);
            QVERIFY(driver.waitFor([&] { return model.requestCount() == 1; }));
            QCOMPARE(model.requests().first().header("authorization"), "Bearer " + secret.toUtf8());
            QVERIFY(!driver.window().windowTitle().contains(secret));

            // That it was stored is in the record; neither the key nor the passphrase is anywhere.
            protocol::QueryJournal query;
            query.agent = QStringLiteral("_instance");
            query.kinds = {QStringLiteral("config.changed")};
            const auto recorded = driver.client().request(std::move(query)).wait();
            QVERIFY(recorded);
            QVERIFY(std::ranges::any_of(recorded->entries, [](const auto& entry) {
                return entry.payload.value(u"key").toString() == u"vault:cloud" &&
                       entry.payload.value(u"what").toString() == u"stored";
            }));
            QCOMPARE(filesWith(driver.folder(), secret.toUtf8()), QStringList());
            QCOMPARE(filesWith(driver.folder(), passphrase.toUtf8()), QStringList());
            QFile::copy(driver.folder() + QStringLiteral("/data/vault"),
                        m_folder.filePath(QStringLiteral("vault")));
        }

        // Another day: the vault is there, and locked.
        WindowDriver driver({}, [&](const QString& folder) {
            writeConfig(
                folder,
                QStringLiteral("base_url: \"%1\", key: \"vault:cloud\"").arg(model.openAiUrl()));
            QDir().mkpath(folder + QStringLiteral("/data"));
            QFile::copy(m_folder.filePath(QStringLiteral("vault")),
                        folder + QStringLiteral("/data/vault"));
        });
        auto* const unlock = driver.window().findChild<QAction*>(QStringLiteral("unlock-vault"));
        QVERIFY(driver.waitFor([&] { return unlock->isEnabled(); }));
        QVERIFY(say(driver, QStringLiteral("Good morning")) > 0);
        auto* asked = dialog<dialogs::PassphraseDialog>(driver);
        QVERIFY(asked != nullptr);
        QTest::keyClick(asked, Qt::Key_Escape); // kept locked: the message fails, and says why
        QVERIFY(driver.click(QStringLiteral("Unlock the vault…")));
        QVERIFY(driver.waitFor([&] {
            auto* const next = driver.window().findChild<dialogs::PassphraseDialog*>();
            return next != nullptr && next != asked && next->isVisible();
        }));
        asked = driver.window().findChild<dialogs::PassphraseDialog*>();
        type(asked, 0, passphrase);
        QTest::keyClick(asked, Qt::Key_Return);
        QVERIFY(driver.waitFor(
            [&] { return driver.button(QStringLiteral("Unlock the vault…")) == nullptr; }));
        QVERIFY(driver.waitFor([&] { return !unlock->isEnabled(); }));
        QCOMPARE(model.requestCount(), 1);
        QVERIFY(say(driver, QStringLiteral("And now?")) > 0);
        QVERIFY(driver.waitFor([&] { return model.requestCount() == 2; }));

        // Another program says that it changed: it is read again. Only what is kept can change.
        protocol::KeyChanged changed;
        changed.reference = QStringLiteral("vault:cloud");
        changed.what = QStringLiteral("stored");
        QVERIFY(driver.client().request(changed).wait());
        changed.reference = QStringLiteral("env:CLOUD");
        QVERIFY(!driver.client().request(changed).wait());
        QVERIFY(say(driver, QStringLiteral("Still there?")) > 0);
        QVERIFY(driver.waitFor([&] { return model.requestCount() == 3; }));
        QCOMPARE(model.requests().last().header("authorization"), "Bearer " + secret.toUtf8());
    }

    void an_address_that_is_always_allowed_is_taken_back_under_containment()
    {
        ScriptedModel model;
        const auto command = QStringLiteral("curl -sS --max-time 20 http://unlisted.invalid/");
        model.when(hasTool(QStringLiteral("shell")))
            .reply(toolCall(QStringLiteral("shell"), {{QStringLiteral("command"), command}}))
            .always(text(QStringLiteral("Done.")));
        model.when(hasTool(QStringLiteral("branch")))
            .reply(toolCall(QStringLiteral("spawn_worker"),
                            {{QStringLiteral("task"), QStringLiteral("Fetch")}}))
            .always(text(QStringLiteral("On its way.")));
        WindowDriver driver({}, [&](const QString& folder) {
            writeConfig(folder,
                        QStringLiteral("base_url: \"%1\"").arg(model.openAiUrl()),
                        QStringLiteral("    network: {allow: [\"nowhere.invalid:1\"]}\n"
                                       "    policy:\n"
                                       "      - {match: \"shell(%1)\", decide: allow}\n")
                            .arg(command));
        });
        QVERIFY(say(driver, QStringLiteral("Fetch it")) > 0);
        const auto always = QStringLiteral("Always allow unlisted.invalid:80");
        QVERIFY(driver.waitFor([&] { return driver.button(always) != nullptr; }));
        QVERIFY(driver.button(QStringLiteral("Accept once")) != nullptr);
        QVERIFY(driver.button(QStringLiteral("Deny")) != nullptr);
        QTest::keyClick(driver.button(always), Qt::Key_Return);
        QCOMPARE(driver.approvals(false).size(), 1);
        QVERIFY(driver.click(always));
        QVERIFY(driver.click(QStringLiteral("Really always allow unlisted.invalid:80")));
        QVERIFY(driver.waitFor([&] { return driver.approvals(false).isEmpty(); }));
        QCOMPARE(driver.approvals(true).first().by, QStringLiteral("window"));

        auto* const dock = driver.window().dock(QStringLiteral("containment"));
        dock->jumpTo();
        auto* const list = dock->findChild<QListView*>(QStringLiteral("reach"));
        const auto row = [&](const QString& word) {
            for (int i = 0; i < list->model()->rowCount(); ++i) {
                const auto index = list->model()->index(i, 0);
                if (index.data(Qt::AccessibleTextRole)
                        .toString()
                        .startsWith(word + QStringLiteral(" · unlisted.invalid:80"))) {
                    return index;
                }
            }
            return QModelIndex();
        };
        QVERIFY(driver.waitFor([&] { return row(QStringLiteral("Given")).isValid(); }));
        list->setFocus();
        list->setCurrentIndex(row(QStringLiteral("Given")));
        QVERIFY(driver.click(QStringLiteral("Take back unlisted.invalid:80")));
        QVERIFY(driver.waitFor([&] { return row(QStringLiteral("Taken back")).isValid(); }));
    }

    void a_second_window_on_the_same_home_raises_the_first()
    {
        WindowDriver driver;
        int raised = 0;
        ContextExecutor here;
        const auto listening = driver.client().subscribe(here, [&](const protocol::Event& event) {
            raised += std::holds_alternative<protocol::Activated>(event) ? 1 : 0;
        });
        QProcess second;
        second.start(QStringLiteral(SB_BIN_DIR "/signalbox"),
                     {QStringLiteral("--home"), driver.folder()});
        QVERIFY(driver.waitFor([&] { return second.state() == QProcess::NotRunning; }));
        QCOMPARE(second.exitStatus(), QProcess::NormalExit);
        QCOMPARE(second.exitCode(), 0);
        QVERIFY(driver.waitFor([&] { return raised == 1; }, 5000));
    }

private:
    QTemporaryDir m_folder;
};

QTEST_MAIN(tst_Journey)
#include "tst_Journey.moc"
