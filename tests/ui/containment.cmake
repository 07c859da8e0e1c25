# The page that shows what holds an agent.
sb_test(ui/tst_Containment GUI LINKS sb::ui_models sb::ui_panels_containment sb_test_demo)
