#include "ui/dialogs/PassphraseDialog.h"
#include "ui/dialogs/SecretEdit.h"
#include "ui/dialogs/StoreKeyDialog.h"
#include "ui/widgets/Labels.h"

#include <QClipboard>
#include <QDir>
#include <QLabel>
#include <QPointer>
#include <QPushButton>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::dialogs;

namespace {

QByteArray shown(const SecretString& value)
{
    return value.expose([](QByteArrayView bytes) { return bytes.toByteArray(); });
}

QPushButton* button(QWidget& dialog, const QString& text)
{
    for (auto* found : dialog.findChildren<QPushButton*>()) {
        if (QString(found->text()).remove(u'&') == text) {
            return found;
        }
    }
    return nullptr;
}

SecretEdit* field(QWidget& dialog, int index)
{
    return dialog.findChildren<SecretEdit*>().value(index);
}

struct Asked
{
    theme::Theme theme{{.scheme = theme::Scheme::Light}};
    QList<QByteArray> answers;
    QPointer<PassphraseDialog> dialog;

    explicit Asked(PassphraseDialog::Kind kind, int attempt = 1)
        : dialog(new PassphraseDialog(theme,
                                      kind,
                                      u"/home/me/.local/share/signalbox/vault"_s,
                                      attempt,
                                      [this](auto answer) {
                                          answers.append(
                                              answer ? shown(*answer)
                                                     : errorCodeName(answer.error().code).toUtf8());
                                      }))
    {
        dialog->open();
        dialog->activateWindow();
        (void)QTest::qWaitForWindowActive(dialog);
    }
    ~Asked() { delete dialog; }
};

} // namespace

class TestSecretsDialogs : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void thePassphraseIsTypedAndGiven()
    {
        Asked asked(PassphraseDialog::Kind::Unlock);
        QVERIFY(!button(*asked.dialog, u"Unlock"_s)->isEnabled());
        QTest::keyClicks(QApplication::focusWidget(), u"correct horse"_s);
        QCOMPARE(field(*asked.dialog, 0)->echoMode(), QLineEdit::Password);
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_Return);
        QCOMPARE(asked.answers, QList<QByteArray>{"correct horse"});
        QTRY_VERIFY(!asked.dialog);
        QCOMPARE(asked.answers.size(), 1);
    }

    void escapeKeepsItLocked()
    {
        Asked asked(PassphraseDialog::Kind::Unlock, 2);
        const auto* banner = asked.dialog->findChild<widgets::Banner*>();
        QVERIFY(banner && banner->text().startsWith(u"That was not the passphrase. 2 "_s));
        QTest::keyClicks(QApplication::focusWidget(), u"half"_s);
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_Escape);
        QCOMPARE(asked.answers, QList<QByteArray>{"cancelled"});
    }

    void whoWaitsHearsOfAWindowThatGoes()
    {
        Asked asked(PassphraseDialog::Kind::Unlock);
        delete asked.dialog;
        QCOMPARE(asked.answers, QList<QByteArray>{"cancelled"});
    }

    void aNewPassphraseIsTypedTwice()
    {
        Asked asked(PassphraseDialog::Kind::Create);
        auto* make = button(*asked.dialog, u"Make vault"_s);
        QTest::keyClicks(field(*asked.dialog, 0), u"seven 7"_s);
        QTest::keyClicks(field(*asked.dialog, 1), u"seven 7"_s);
        QVERIFY(!make->isEnabled());
        QTest::keyClicks(field(*asked.dialog, 0), u" and more"_s);
        QVERIFY(!make->isEnabled());
        QTest::keyClick(field(*asked.dialog, 1), Qt::Key_Return); // gives nothing yet
        QVERIFY(asked.answers.isEmpty());
        QTest::keyClicks(field(*asked.dialog, 1), u" and more"_s);
        QVERIFY(make->isEnabled());
        QTest::mouseClick(make, Qt::LeftButton);
        QCOMPARE(asked.answers, QList<QByteArray>{"seven 7 and more"});
    }

    void whatWasTakenIsOverwritten()
    {
        theme::Theme theme({.scheme = theme::Scheme::Light});
        SecretEdit edit(theme);
        QTest::keyClicks(&edit, u"in the field"_s);
        const QString before = edit.text(); // shares the field's characters
        QCOMPARE(shown(edit.take()), "in the field");
        QVERIFY(edit.text().isEmpty());
        QCOMPARE(before, QString(12, u'*'));
    }

    void aKeyIsStoredAndItsReferenceShown()
    {
        theme::Theme theme({.scheme = theme::Scheme::Light});
        QString name;
        QByteArray value;
        std::function<void(Result<QString>)> answer;
        const QPointer dialog(
            new StoreKeyDialog(theme, {}, [&](const QString& n, SecretString v, auto stored) {
                name = n;
                value = shown(v);
                answer = std::move(stored);
            }));
        dialog->open();
        dialog->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(dialog));
        QTest::keyClicks(QApplication::focusWidget(), u" gitlab "_s);
        QTest::keyClicks(field(*dialog, 0), u"value-of-gitlab"_s);
        QTest::keyClick(field(*dialog, 0), Qt::Key_Return);
        QCOMPARE(name, u"gitlab"_s);
        QCOMPARE(value, "value-of-gitlab");
        QVERIFY(field(*dialog, 0)->text().isEmpty());
        QVERIFY(!button(*dialog, u"Storing…"_s)->isEnabled());

        answer(fail(ErrorCode::Locked, u"The vault stays locked."_s));
        const auto* banner = dialog->findChild<widgets::Banner*>();
        QVERIFY(banner->isVisibleTo(dialog));
        QCOMPARE(banner->text(), u"The vault stays locked. Give the value once more."_s);
        QTest::keyClicks(field(*dialog, 0), u"value-of-gitlab"_s);
        QTest::keyClick(field(*dialog, 0), Qt::Key_Return);
        QVERIFY(!banner->isVisibleTo(dialog));
        answer(u"vault:gitlab"_s);
        QTest::mouseClick(button(*dialog, u"Copy"_s), Qt::LeftButton);
        QCOMPARE(QGuiApplication::clipboard()->text(), u"key: \"vault:gitlab\""_s);
        QTest::mouseClick(button(*dialog, u"Done"_s), Qt::LeftButton);
        QTRY_VERIFY(!dialog);
        answer(u"late"_s); // the dialog is gone
    }

    void everyControlHasANameAndPictures()
    {
        const QString folder = qEnvironmentVariable("SB_SHOTS");
        const QFont systemFont = QApplication::font();
        for (const bool isDark : {false, true}) {
            for (const double scale : {1.0, 2.0}) {
                QApplication::setFont(systemFont);
                theme::Theme theme({.scheme = isDark ? theme::Scheme::Dark : theme::Scheme::Light,
                                    .fontScale = scale});
                const QString vault = u"/home/somebody/.local/share/signalbox/vault"_s;
                std::function<void(Result<QString>)> answer;
                const auto keep = [&](const QString&, const SecretString&, auto stored) {
                    answer = std::move(stored);
                };
                using Kind = PassphraseDialog::Kind;
                const auto ignore = [](const auto&) {};
                const auto look = [&](const QString& name, QDialog* dialog) {
                    dialog->show();
                    for (auto* widget : dialog->findChildren<QLineEdit*>()) {
                        QVERIFY2(!widget->accessibleName().isEmpty(), qPrintable(name));
                    }
                    // All of it fits on a small screen, also with large letters.
                    QVERIFY2(dialog->sizeHint().height() <= 720 &&
                                 dialog->minimumSizeHint().width() <= 1280,
                             qPrintable(name));
                    QVERIFY(QTest::qWaitForWindowExposed(dialog));
                    if (!folder.isEmpty()) {
                        QDir().mkpath(folder);
                        dialog->grab().save(
                            u"%1/%2-%3-%4.png"_s.arg(folder, name, isDark ? u"dark"_s : u"light"_s)
                                .arg(int(scale * 100)));
                    }
                    delete dialog;
                };
                auto* unlock = new PassphraseDialog(theme, Kind::Unlock, vault, 1, ignore);
                field(*unlock, 0)->setText(u"correct horse"_s);
                look(u"unlock"_s, unlock);
                look(u"unlock-again"_s,
                     new PassphraseDialog(theme, Kind::Unlock, vault, 2, ignore));
                auto* create = new PassphraseDialog(theme, Kind::Create, vault, 1, ignore);
                field(*create, 0)->setText(u"correct horse"_s);
                look(u"create"_s, create);
                look(u"store"_s, new StoreKeyDialog(theme, u"anthropic"_s, keep));
                for (const bool isGood : {false, true}) {
                    auto* stored = new StoreKeyDialog(theme, u"anthropic"_s, keep);
                    field(*stored, 0)->setText(u"sk-made-up"_s);
                    stored->accept();
                    answer(
                        isGood
                            ? Result<QString>(u"keychain:anthropic"_s)
                            : Result<QString>(fail(
                                  ErrorCode::Locked,
                                  u"The vault stays locked, because its passphrase was not given."_s)));
                    look(isGood ? u"stored"_s : u"store-failed"_s, stored);
                }
            }
        }
        QApplication::setFont(systemFont);
    }
};

QTEST_MAIN(TestSecretsDialogs)
#include "tst_SecretsDialogs.moc"
