# The way out, from a command in the sandbox to a real server and back.
sb_test(scenario/tst_Outlet LINKS sb::runtime sb_test_support Qt6::Network LABELS security threads TIMEOUT 240)
add_dependencies(tst_Outlet signalbox-sandbox-helper)
