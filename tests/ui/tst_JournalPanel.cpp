#include <QTest>
class tst_JournalPanel : public QObject
{
    Q_OBJECT
};
QTEST_MAIN(tst_JournalPanel)
#include "tst_JournalPanel.moc"
