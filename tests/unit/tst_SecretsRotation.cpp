#include "tests/unit/SecretsFixture.h"

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::secrets;
using namespace sb::test;

namespace {

const QByteArray words = "correct horse battery";

struct Rotating : SecretsFixture
{
    Rotating()
    {
        Vault vault(vaultFile, leastVaultCost);
        if (!vault.create(secret(words)) || !vault.write(u"k"_s, secret("old-value"))) {
            qFatal("no vault");
        }
        passphrases = {words};
    }
    Result<Rotated> rotate(const QByteArray& value, Validate validate = {})
    {
        return answer(secrets->rotate(u"vault:k"_s, secret(value), std::move(validate)));
    }
    Lease lease() { return *answer(secrets->lease(u"vault:k"_s)); }
};

} // namespace

class TestSecretsRotation : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void allWhoAskShareOneCopy()
    {
        Rotating f;
        const Lease one = f.lease();
        const Lease two = f.lease();
        QCOMPARE(one.get(), two.get());
        QCOMPARE(shown(*one), "old-value");
        f.secrets->forget(u"vault:k"_s);
        QVERIFY(f.lease().get() != one.get());
    }

    void callsInFlightKeepTheOldValueUntilTheyEnd()
    {
        Rotating f;
        Lease first = f.lease();
        Lease second = f.lease();
        QByteArray tried;
        auto rotated = f.rotate("new-value", [&](const Lease& value) {
            tried = shown(*value);
            return Future<>::ready({});
        });
        QVERIFY2(rotated, rotated ? "" : qPrintable(rotated.error().message));
        QCOMPARE(tried, "new-value");
        QCOMPARE(rotated->inFlight, 2);
        QCOMPARE(shown(*first), "old-value");
        QCOMPARE(shown(*f.lease()), "new-value");
        QVERIFY(!rotated->drained.isReady());
        first.reset();
        QVERIFY(!rotated->drained.isReady());
        second.reset();
        QVERIFY(rotated->drained.isReady());
        QCOMPARE(f.copyOf(f.changes), QStringList{u"rotated vault:k"_s});
        // It is on disk, too.
        Vault vault(f.vaultFile, leastVaultCost);
        QVERIFY(vault.unlock(secret(words)));
        QCOMPARE(shown(vault.read(u"k"_s)), "new-value");
        // Both stay out of what is written down.
        QCOMPARE(f.redactor.redact(u"old-value new-value"_s),
                 u"[redacted:vault:k] [redacted:vault:k]"_s);
    }

    void withNobodyInFlightItIsDrainedAtOnce()
    {
        Rotating f;
        auto never = f.rotate("new-value");
        QCOMPARE(never->inFlight, 0);
        QVERIFY(never->drained.isReady());
        auto used = f.rotate("newer-value");
        QCOMPARE(used->inFlight, 0);
        QVERIFY(used->drained.isReady());
        QCOMPARE(f.resolve(u"vault:k"_s), "newer-value");
    }

    void aValueThatIsNoGoodChangesNothing()
    {
        Rotating f;
        const Lease held = f.lease();
        const auto rotated = f.rotate("bad-value", [](const Lease&) {
            return Future<>::ready(
                fail(ErrorCode::Forbidden, u"The provider does not accept it."_s));
        });
        QCOMPARE(rotated.error().code, ErrorCode::Forbidden);
        QCOMPARE(
            rotated.error().message,
            u"The new value was not taken, the old one stays: The provider does not accept it."_s);
        QCOMPARE(f.lease().get(), held.get());
        QVERIFY(f.copyOf(f.changes).isEmpty());
        Vault vault(f.vaultFile, leastVaultCost);
        QVERIFY(vault.unlock(secret(words)));
        QCOMPARE(shown(vault.read(u"k"_s)), "old-value");
        QVERIFY(f.rotate("good-value")); // and the next one may try
    }

    void aStoreThatFailsChangesNothing()
    {
        Rotating f;
        const Lease held = f.lease();
        writeTo(f.vaultFile, "broken");
        const auto rotated = f.rotate("new-value");
        QCOMPARE(rotated.error().code, ErrorCode::Corrupt);
        QCOMPARE(shown(*held), "old-value");
        QVERIFY(f.copyOf(f.changes).isEmpty());
    }

    void oneAtATime()
    {
        Rotating f;
        Promise<> verdict;
        auto first = f.secrets->rotate(
            u"vault:k"_s, secret("first-value"), [&](const Lease&) { return verdict.future(); });
        QCOMPARE(f.rotate("second-value").error().code, ErrorCode::Conflict);
        // Meanwhile everybody works with the old one.
        QCOMPARE(f.resolve(u"vault:k"_s), "old-value");
        verdict.set({});
        QVERIFY(f.answer(std::move(first)));
        QCOMPARE(f.resolve(u"vault:k"_s), "first-value");
    }

    void aSlowQuestionDoesNotBringTheOldValueBack()
    {
        SecretsFixture f;
        const QString path = f.folder.filePath(u"give"_s);
        writeTo(path,
                "#!/bin/sh\nvalue=$(cat \"$0.value\"); : > \"$0.asked\"; "
                "while [ -e \"$0.wait\" ]; do sleep 0.01; done; echo \"$value\"\n",
                0700);
        writeTo(path + u".value"_s, "old-value");
        writeTo(path + u".wait"_s, "");
        const QString reference = u"exec:"_s + path;
        auto slow = f.secrets->resolve(reference);
        QTRY_VERIFY(QFile::exists(path + u".asked"_s));
        writeTo(path + u".value"_s, "new-value");
        QFile::remove(path + u".asked"_s);
        auto rotated = f.secrets->rotate(reference, std::nullopt, {});
        QTRY_VERIFY(QFile::exists(path + u".asked"_s));
        QFile::remove(path + u".wait"_s);
        QVERIFY(f.answer(std::move(rotated)));
        QCOMPARE(shown(f.answer(std::move(slow))), "old-value");
        QCOMPARE(f.resolve(reference), "new-value");
    }

    void whatCannotBeRotated()
    {
        SecretsFixture f;
        const auto code = [&](const QString& reference, std::optional<SecretString> value) {
            const auto result = f.answer(f.secrets->rotate(reference, std::move(value), {}));
            return result ? u"ok"_s : errorCodeName(result.error().code);
        };
        QCOMPARE(code(u"env:X"_s, secret("value")), u"unsupported"_s);
        QCOMPARE(code(u"file:/x"_s, std::nullopt), u"unsupported"_s);
        QCOMPARE(code(u"exec:printf x"_s, secret("value")), u"unsupported"_s);
        QCOMPARE(code(u"exec:printf abcdef"_s, std::nullopt), u"ok"_s);
        QCOMPARE(code(u"vault:k"_s, SecretString()), u"invalid_input"_s);
        QCOMPARE(code(u"nonsense"_s, secret("value")), u"invalid_input"_s);
        QCOMPARE(f.errorOf(u"exec:printf abcdef"_s), u"none"_s);
        QCOMPARE(f.answer(f.secrets->store(u""_s, secret("v"))).error().code,
                 ErrorCode::InvalidInput);
        QCOMPARE(f.answer(f.secrets->store(u"x"_s, {})).error().code, ErrorCode::InvalidInput);
        QCOMPARE(f.answer(f.secrets->remove(u"env:X"_s)).error().code, ErrorCode::Unsupported);
        QVERIFY(f.answer(f.secrets->remove(u"vault:x"_s)));
    }
};

QTEST_GUILESS_MAIN(TestSecretsRotation)
#include "tst_SecretsRotation.moc"
