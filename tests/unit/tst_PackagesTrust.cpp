#include "PackageFixture.h"

#include <sys/stat.h>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::packages;
using test::PackageFixture;
using test::said;

class tst_PackagesTrust : public QObject
{
    Q_OBJECT

    static FileTrust storeAt(const PackageFixture& f,
                             const QByteArray& secret = QByteArray(64, 'k'))
    {
        return FileTrust(f.path(u"publishers.json"_s),
                         SecretString(QByteArray(secret.constData(), secret.size())),
                         f.clock);
    }

private Q_SLOTS:
    void storeOutlivesTheProgram();
    void storeIsSealed();
    void storeOfSomebodyElse();
    void otherKeySaysBothFingerprints();
    void rotation();
    void rotationMustBeSignedByBoth();
    void rotationOverTwoKeys();
    void revokedKey();
    void revocationTravels();
    void lookAlikes();
    void publisherKeyOnDisk();
    void signaturesHaveDomains();
};

void tst_PackagesTrust::storeOutlivesTheProgram()
{
    PackageFixture f;
    QVERIFY(f.trust.pins()->isEmpty());
    QVERIFY(f.trust.pin(u"acme"_s, f.key.publicKey()));
    f.clock.advance(Milliseconds(1000));
    const auto other = PublisherKey::create();
    QVERIFY(f.trust.pin(u"acme"_s, other.publicKey()));
    QVERIFY(f.trust.pin(u"acme"_s, other.publicKey()));
    QVERIFY(f.trust.revoke(f.key.publicKey(), u"lost"_s));
    const auto again = storeAt(f);
    QCOMPARE(*again.pins(),
             (QList<Pin>{{u"acme"_s, other.publicKey(), f.clock.nowUs(), {f.key.publicKey()}}}));
    QCOMPARE(*again.revoked(f.key.publicKey()), std::optional(u"lost"_s));
    QCOMPARE(*again.revoked(other.publicKey()), std::nullopt);
    struct stat facts{};
    QCOMPARE(::stat(QFile::encodeName(f.path(u"publishers.json"_s)).constData(), &facts), 0);
    QCOMPARE(facts.st_mode & 0777, 0600U);
    QVERIFY(f.trust.forget(u"acme"_s));
    QVERIFY(again.pins()->isEmpty());
}

void tst_PackagesTrust::storeIsSealed()
{
    PackageFixture f;
    QVERIFY(f.trust.pin(u"acme"_s, f.key.publicKey()));
    const QByteArray good = f.read(u"."_s, u"publishers.json"_s);
    for (const QByteArray& bad : {QByteArray(good).replace("acme", "evil"),
                                  QByteArray(good).append(' '),
                                  good.mid(1),
                                  QByteArray("{}"),
                                  QByteArray()}) {
        f.write(u"."_s, u"publishers.json"_s, bad);
        QCOMPARE(f.trust.pins().error().code, ErrorCode::Corrupt);
        // It is not overwritten, either, and nothing is installed.
        QVERIFY(!f.trust.pin(u"acme"_s, f.key.publicKey()));
        QVERIFY(!f.packages.inspect(f.signedFolder(u"a"_s)));
    }
    f.write(u"."_s, u"publishers.json"_s, good);
    QVERIFY(f.trust.pins());
    QVERIFY(!storeAt(f, QByteArray(64, 'x')).pins());
}

void tst_PackagesTrust::storeOfSomebodyElse()
{
    PackageFixture f;
    QVERIFY(f.trust.pin(u"acme"_s, f.key.publicKey()));
    const QString path = f.path(u"publishers.json"_s);
    QVERIFY(QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner | QFile::WriteOther));
    QVERIFY(f.trust.pins().error().message.contains(u"can be written by others"));
    QVERIFY(QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner));
    QVERIFY(QFile::rename(path, f.path(u"real"_s)) && QFile::link(f.path(u"real"_s), path));
    QVERIFY(f.trust.pins().error().message.contains(u"is a link"));
}

void tst_PackagesTrust::otherKeySaysBothFingerprints()
{
    PackageFixture f;
    QVERIFY(f.install(f.signedFolder(u"a"_s)));
    const auto other = PublisherKey::create();
    const auto seen = f.packages.inspect(f.signedBy(other, u"b"_s, PackageFixture::draft("2.0.0")));
    QCOMPARE(seen->signature, SignatureState::OtherKey);
    QCOMPARE(seen->fingerprint, fingerprintOf(other.publicKey()));
    QCOMPARE(seen->pinnedFingerprint, fingerprintOf(f.key.publicKey()));
    QVERIFY(seen->problems.value(0).contains(seen->fingerprint));
    QVERIFY(seen->problems.value(0).contains(seen->pinnedFingerprint));
}

void tst_PackagesTrust::rotation()
{
    PackageFixture f;
    QVERIFY(f.install(f.signedFolder(u"a"_s)));
    const auto next = PublisherKey::create();
    const QString folder =
        f.signedBy(next, u"b"_s, PackageFixture::draft("2.0.0"), {rotate(u"acme"_s, f.key, next)});
    const auto seen = f.packages.inspect(folder);
    QVERIFY2(seen->isInstallable(), qPrintable(seen->problems.join(u' ')));
    QCOMPARE(seen->signature, SignatureState::Rotated);
    QVERIFY(seen->warnings.value(0).contains(seen->pinnedFingerprint));
    QVERIFY(f.install(folder));
    QCOMPARE(f.trust.find(u"acme"_s)->value().key, next.publicKey());
    // The old key is not believed any more.
    const auto old = f.packages.inspect(f.signedFolder(u"c"_s, PackageFixture::draft("3.0.0")));
    QCOMPARE(old->signature, SignatureState::OtherKey);
}

void tst_PackagesTrust::rotationMustBeSignedByBoth()
{
    PackageFixture f;
    const auto thief = PublisherKey::create();
    const auto good = rotate(u"acme"_s, f.key, thief);
    QVERIFY(isGenuine(good, u"acme"_s));
    QVERIFY(!isGenuine(good, u"other"_s));
    Rotation oneSided = rotate(u"acme"_s, thief, thief);
    oneSided.from = f.key.publicKey();
    QVERIFY(!isGenuine(oneSided, u"acme"_s));
    Rotation taken = good;
    taken.to = PublisherKey::create().publicKey();
    QVERIFY(!isGenuine(taken, u"acme"_s));
}

void tst_PackagesTrust::rotationOverTwoKeys()
{
    PackageFixture f;
    QVERIFY(f.install(f.signedFolder(u"a"_s)));
    const auto second = PublisherKey::create();
    const auto third = PublisherKey::create();
    const QList<Rotation> both{rotate(u"acme"_s, f.key, second), rotate(u"acme"_s, second, third)};
    const QByteArray draft = PackageFixture::draft("2.0.0");
    QCOMPARE(f.packages.inspect(f.signedBy(third, u"b"_s, draft, both))->signature,
             SignatureState::Rotated);
    QCOMPARE(f.packages.inspect(f.signedBy(third, u"c"_s, draft, {both[1]}))->signature,
             SignatureState::OtherKey);
    QCOMPARE(f.packages.inspect(f.signedBy(third, u"d"_s, draft, {both[0]}))->signature,
             SignatureState::OtherKey);
}

void tst_PackagesTrust::revokedKey()
{
    PackageFixture f;
    QVERIFY(f.install(f.signedFolder(u"a"_s)));
    QVERIFY(f.trust.revoke(f.key.publicKey(), u"stolen"_s));
    const auto seen = f.packages.inspect(f.path(u"a"_s));
    QCOMPARE(seen->signature, SignatureState::Revoked);
    QVERIFY(seen->problems.value(0).endsWith(u"was revoked: stolen."));
    QVERIFY(!f.packages.load(PackageFixture::id()));
    // Whoever stole the key could hand over to another one; that is worth nothing.
    const auto next = PublisherKey::create();
    const auto handed = f.packages.inspect(
        f.signedBy(next, u"b"_s, PackageFixture::draft("2.0.0"), {rotate(u"acme"_s, f.key, next)}));
    QCOMPARE(handed->signature, SignatureState::Revoked);
}

void tst_PackagesTrust::revocationTravels()
{
    PackageFixture f;
    const auto revocation = revoke(f.key, u"the \"laptop\" was\nstolen \\o/"_s);
    const auto read = parseRevocation(writeRevocation(revocation));
    QVERIFY2(read, said(read));
    QCOMPARE(*read, revocation);
    Revocation forged = revocation;
    forged.key = PublisherKey::create().publicKey();
    QVERIFY(!applyRevocation(f.trust, forged));
    QVERIFY(applyRevocation(f.trust, *read));
    QVERIFY(f.trust.revoked(f.key.publicKey())->has_value());
}

void tst_PackagesTrust::lookAlikes()
{
    QCOMPARE(lookOf(u"paypa1"_s), lookOf(u"paypal"_s));
    QCOMPARE(lookOf(u"acrne"_s), lookOf(u"acme"_s));
    QCOMPARE(lookOf(u"g00gle"_s), lookOf(u"google"_s));
    QVERIFY(lookOf(u"acme"_s) != lookOf(u"acne"_s));
    PackageFixture f;
    QVERIFY(f.install(f.signedFolder(u"a"_s)));
    const auto seen = f.packages.inspect(
        f.signedBy(PublisherKey::create(), u"b"_s, PackageFixture::draft("1.0.0", "acrne")));
    QVERIFY(seen->warnings.value(1).contains(u"looks like \"acme\""));
}

void tst_PackagesTrust::publisherKeyOnDisk()
{
    PackageFixture f;
    const QString path = f.path(u"publisher.key"_s);
    QVERIFY(f.key.save(path));
    QCOMPARE(f.key.save(path).error().code, ErrorCode::Conflict);
    const auto loaded = PublisherKey::load(path);
    QVERIFY(loaded);
    QCOMPARE(loaded->publicKey(), f.key.publicKey());
    QCOMPARE(loaded->sign("x", "y"), f.key.sign("x", "y"));
    QVERIFY(QFile::setPermissions(path, QFile::ReadOwner | QFile::ReadOther));
    QCOMPARE(PublisherKey::load(path).error().code, ErrorCode::Forbidden);
    QCOMPARE(PublisherKey::load(f.path(u"none"_s)).error().code, ErrorCode::NotFound);
}

void tst_PackagesTrust::signaturesHaveDomains()
{
    const auto key = PublisherKey::create();
    const auto signature = key.sign(manifestDomain, "bytes");
    QVERIFY(verifies(manifestDomain, "bytes", signature, key.publicKey()));
    QVERIFY(!verifies(rotationDomain, "bytes", signature, key.publicKey()));
    QVERIFY(!verifies(manifestDomain, "byteS", signature, key.publicKey()));
    QVERIFY(!verifies(manifestDomain, "bytes", signature.chopped(1), key.publicKey()));
    QVERIFY(!verifies(manifestDomain, "bytes", signature, QByteArray(32, '\0')));
    QVERIFY(!verifies(manifestDomain, "bytes", QByteArray(64, '\0'), QByteArray(32, '\0')));
}

QTEST_GUILESS_MAIN(tst_PackagesTrust)
#include "tst_PackagesTrust.moc"
