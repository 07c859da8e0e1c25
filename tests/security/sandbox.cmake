foreach(name tst_SandboxPlan tst_SandboxOutput tst_SandboxReach tst_SandboxPrivileges tst_SandboxLimits
             tst_SandboxDoor tst_SandboxAttacks tst_SandboxKernelAttacks tst_SandboxProbes tst_SandboxSystems)
    sb_test(security/${name} LINKS sb::sandbox LABELS security TIMEOUT 300)
    add_dependencies(${name} signalbox-sandbox-helper)
endforeach()
