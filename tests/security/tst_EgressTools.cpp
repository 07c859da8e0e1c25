#include "tests/security/EgressFixture.h"
class tst_EgressTools : public QObject { Q_OBJECT };
EGRESS_TEST_MAIN(tst_EgressTools)
#include "tst_EgressTools.moc"
