sb_test(security/tst_SecretsAttacks LINKS sb::secrets Qt6::Network LABELS security TIMEOUT 300)
