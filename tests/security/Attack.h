#pragma once
#include "core/base/Defence.h"

#include <QFile>
#include <QTest>
#include <functional>

/// Attacks, each run for real. An attack is refused while its defence stands; where the build can
/// switch defences off (the sanitizer build), the same attack must succeed with just that one off,
/// so that it is this defence which stops it and nothing else.
///
///     private Q_SLOTS:
///         void attack_data() { sb::attack::addRows(attacks()); }
///         void attack() { sb::attack::check(attacks()); }
namespace sb::attack {

enum class Outcome {
    Refused,   ///< nothing of what the attacker wanted happened
    Succeeded, ///< the attacker got it
};

struct Attack
{
    const char* name;    ///< unique in the whole list: "egress.metadata-address"
    const char* defence; ///< as the program names it in defended()
    /// Builds what it needs anew, attacks, and says what came of it.
    std::function<Outcome()> run;
};

inline void addRows(const QList<Attack>& attacks)
{
    QTest::addColumn<int>("index");
    for (int i = 0; i < attacks.size(); ++i) {
        QTest::newRow(attacks[i].name) << i;
    }
}

/// The row's attack. Adds a line to the tally that `packaging/dev test` prints.
inline void check(const QList<Attack>& attacks)
{
    QFETCH(const int, index);
    const Attack& attack = attacks[index];
    QVERIFY2(attack.run() == Outcome::Refused, attack.name);
    const char* shown = "refused";
#ifdef SB_SWITCHABLE_DEFENCES
    struct Switched
    {
        explicit Switched(const char* name) { setDefencesOff(name); }
        ~Switched() { setDefencesOff(""); }
    };
    {
        const Switched off(attack.defence);
        QVERIFY2(attack.run() == Outcome::Succeeded,
                 qPrintable(
                     QString::fromLatin1("%1 fails also without %2: it proves nothing")
                         .arg(QLatin1StringView(attack.name), QLatin1StringView(attack.defence))));
    }
    shown = "refused, and succeeds without its defence";
#endif
    QFile tally(QStringLiteral(SB_TEST_BIN_DIR "/attacks.txt"));
    QVERIFY(tally.open(QIODevice::Append));
    tally.write(QByteArray(attack.name) + '\t' + attack.defence + '\t' + shown + '\n');
}

} // namespace sb::attack
