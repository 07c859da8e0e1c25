# Every library from outside, in one place; the README's table gives the reason for each.
find_package(Qt6 6.8 REQUIRED COMPONENTS Core Network Gui Widgets Svg DBus Test LinguistTools)
find_package(QCoro6 REQUIRED COMPONENTS Coro Core)
find_package(KF6SyntaxHighlighting REQUIRED)
find_package(Qt6Keychain REQUIRED)
find_package(SQLiteCpp REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(GIT2 REQUIRED IMPORTED_TARGET libgit2)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)

set(CMAKE_AUTOMOC OFF) # on only where QObjects are declared, see Library.cmake
set(CMAKE_AUTORCC OFF)
