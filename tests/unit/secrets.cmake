foreach(name tst_Secrets tst_SecretsSources tst_SecretsRotation tst_Vault)
    sb_test(unit/${name} LINKS sb::secrets Qt6::Network TIMEOUT 240)
endforeach()
sb_test(unit/tst_SecretsDialogs GUI LINKS sb::ui_dialogs)
