foreach(name tst_SandboxPlan tst_SandboxOutput tst_SandboxReach tst_SandboxPrivileges tst_SandboxLimits)
    sb_test(security/${name} LINKS sb::sandbox LABELS security)
    add_dependencies(${name} signalbox-sandbox-helper)
endforeach()
