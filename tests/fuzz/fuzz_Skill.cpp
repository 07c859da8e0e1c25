#include "core/packages/Manifest.h"
#include "core/packages/Skill.h"
#include "tests/fuzz/Fuzz.h"

using namespace sb::packages;

void fuzz(QByteArrayView data)
{
    const auto skill = parseSkill(data.toByteArray());
    if (skill) {
        FUZZ_CHECK(nameProblem(skill->name).isEmpty());
        FUZZ_CHECK(!skill->description.isEmpty() && !skill->description.contains(u'\n'));
    } else {
        FUZZ_CHECK(!skill.error().message.isEmpty());
    }
}
