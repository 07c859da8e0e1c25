#include "core/server/Cursor.h"
#include "core/server/Token.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <sys/stat.h>

using namespace sb;
using server::Token;

class tst_ServerToken : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    QString path() const { return m_folder.path() + QStringLiteral("/home/run/token"); }
    static QByteArray text(const Result<SecretString>& token)
    {
        return token ? token->expose([](QByteArrayView bytes) { return bytes.toByteArray(); })
                     : QByteArray();
    }
    static unsigned mode(const QString& file)
    {
        struct stat facts{};
        return ::lstat(QFile::encodeName(file).constData(), &facts) == 0 ? facts.st_mode & 0777 : 0;
    }
    void write(const QByteArray& bytes,
               QFile::Permissions permissions = QFile::ReadOwner | QFile::WriteOwner) const
    {
        QFile file(path());
        QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
        file.write(bytes);
        file.close();
        QVERIFY(file.setPermissions(permissions));
    }

private Q_SLOTS:
    void madeOnce();
    void replaced_data();
    void replaced();
    void ownTokenIsKept();
    void linksAreRefused();
    void comparing();
    void cursors();
};

void tst_ServerToken::madeOnce()
{
    const QByteArray first = text(Token::loadOrCreate(path()));
    QCOMPARE(first.size(), 43);
    QCOMPARE(QByteArray::fromBase64(
                 first, QByteArray::Base64UrlEncoding | QByteArray::AbortOnBase64DecodingErrors)
                 .size(),
             32);
    QCOMPARE(mode(path()), 0600U);
    QCOMPARE(mode(m_folder.path() + u"/home/run"), 0700U);
    QCOMPARE(text(Token::loadOrCreate(path())), first);
}

void tst_ServerToken::replaced_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<bool>("lax");
    QTest::newRow("empty") << QByteArray() << false;
    QTest::newRow("short") << QByteArray("secret\n") << false;
    QTest::newRow("spaces inside") << QByteArray(20, 'a') + ' ' + QByteArray(20, 'a') << false;
    QTest::newRow("others could read it") << QByteArray(43, 'a') << true;
}

void tst_ServerToken::replaced()
{
    QFETCH(QByteArray, bytes);
    QFETCH(bool, lax);
    write(bytes,
          lax ? QFile::ReadOwner | QFile::WriteOwner | QFile::ReadOther
              : QFile::ReadOwner | QFile::WriteOwner);
    const QByteArray token = text(Token::loadOrCreate(path()));
    QCOMPARE(token.size(), 43);
    QVERIFY(token != bytes);
    QCOMPARE(mode(path()), 0600U);
    QCOMPARE(text(Token::loadOrCreate(path())), token);
}

void tst_ServerToken::ownTokenIsKept()
{
    write("my-own-token-that-is-long-enough-for-this\n");
    QCOMPARE(text(Token::loadOrCreate(path())), "my-own-token-that-is-long-enough-for-this");
}

void tst_ServerToken::linksAreRefused()
{
    const QString elsewhere = m_folder.path() + QStringLiteral("/elsewhere");
    QFile::remove(path());
    QVERIFY(QFile::link(elsewhere, path()));
    QCOMPARE(Token::loadOrCreate(path()).error().code, ErrorCode::Forbidden);
    QVERIFY(!QFile::exists(elsewhere));
}

void tst_ServerToken::comparing()
{
    const SecretString token(QByteArray("abcdef"));
    QVERIFY(Token::matches(token, "abcdef"));
    QVERIFY(!Token::matches(token, "abcdeg"));
    QVERIFY(!Token::matches(token, "abcde"));
    QVERIFY(!Token::matches(token, ""));
    QVERIFY(!Token::matches(SecretString(), "")); // without a token nobody gets in
}

void tst_ServerToken::cursors()
{
    const server::Cursor cursor{{QStringLiteral("_instance"), 3}, {QStringLiteral("a:b,ü"), 12}};
    QCOMPARE(server::cursorText(cursor), "_instance:3,a%3Ab%2C%C3%BC:12");
    QCOMPARE(server::cursorFromText(server::cursorText(cursor)), cursor);
    QCOMPARE(server::cursorFromText({}), server::Cursor());
}

QTEST_GUILESS_MAIN(tst_ServerToken)
#include "tst_ServerToken.moc"
