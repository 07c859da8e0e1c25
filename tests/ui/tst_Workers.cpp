#include <QTest>
class tst_Workers : public QObject
{
    Q_OBJECT
};
QTEST_MAIN(tst_Workers)
#include "tst_Workers.moc"
