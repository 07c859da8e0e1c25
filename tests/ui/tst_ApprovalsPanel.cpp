#include <QTest>
class tst_ApprovalsPanel : public QObject
{
    Q_OBJECT
};
QTEST_MAIN(tst_ApprovalsPanel)
#include "tst_ApprovalsPanel.moc"
