# What an agent remembers, from a sentence of a person to a prompt weeks later.
sb_test(scenario/tst_Memory LINKS sb::runtime sb_test_support Qt6::Network TIMEOUT 300)
add_dependencies(tst_Memory signalbox-sandbox-helper)
