#pragma once
#include <QList>
#include <QString>

/// Memories as an agent has them, and questions that share no sentence with them: what recall over
/// real text is measured with. A question names the place of the memory that answers it.
namespace sb::test {

inline const QList<QString>& memoryTexts()
{
    using namespace Qt::StringLiterals;
    static const QList<QString> texts{
        // 0
        u"Marta prefers short answers without greetings."_s,
        u"The harbour crane at pier seven is inspected every second Tuesday."_s,
        u"Deployments to the production cluster need the approval of Ines or Jonas."_s,
        u"The database password was rotated on the fourth of March."_s,
        u"Our invoices are sent as PDF on the last working day of a month."_s,
        u"Tomas is allergic to peanuts and brings his own lunch."_s,
        u"The build server runs out of disk space when old artefacts are not pruned."_s,
        u"We decided to use SQLite instead of PostgreSQL for the desktop version."_s,
        u"The customer in Lisbon complained about slow page loading in the shop."_s,
        u"Unit tests of the parser fail on Windows because of line endings."_s,
        // 10
        u"Ines is on parental leave until the end of September."_s,
        u"The nightly backup takes forty minutes and writes to the Oslo bucket."_s,
        u"Grandmother's apple cake recipe needs six eggs and no flour."_s,
        u"The train from Basel to Milan was cancelled because of a landslide."_s,
        u"A new licence for the design software must be bought before June."_s,
        u"Jonas wants all commit messages in the imperative mood."_s,
        u"The thermostat in the meeting room is set to nineteen degrees."_s,
        u"The parser was rewritten in Rust and is now four times faster."_s,
        u"Paulo's daughter starts school in August and he works part time then."_s,
        u"The firewall blocks outgoing mail on port twenty-five."_s,
        // 20
        u"Version two of the public API removes the XML endpoints."_s,
        u"The conference talk about signal boxes was accepted for Vienna."_s,
        u"Coffee beans are ordered from the roastery in Trieste."_s,
        u"The memory leak in the image viewer came from a cache without a limit."_s,
        u"Nadia is responsible for accessibility and keyboard navigation."_s,
        u"The lighthouse museum opens at ten and is closed on Mondays."_s,
        u"We pay the hosting company a yearly fee of nine hundred euros."_s,
        u"The translation into Portuguese is done by a volunteer called Rui."_s,
        u"Do not restart the payment service during business hours."_s,
        u"The telescope mirror was cleaned with distilled water and cotton."_s,
        // 30
        u"Error 4711 means that the card reader lost its connection."_s,
        u"The garden shed key hangs behind the kitchen door."_s,
        u"Retry failed webhooks three times with exponential backoff."_s,
        u"The quarterly report is due on the tenth of April."_s,
        u"Elena plays the violin and rehearses on Thursday evenings."_s,
        u"The old ferry timetable contradicts the one on the website."_s,
        u"Logging in with a fingerprint does not work after hibernation."_s,
        u"The goal for this year is to halve the start-up time."_s,
        u"Heat pumps were installed in both warehouses last autumn."_s,
        u"The lawyer advised us to keep signed contracts for ten years."_s,
        // 40: Chinese
        u"用户喜欢简短的回答。"_s,
        u"服务器每天凌晨三点自动备份数据库。"_s,
        u"李明下周去上海参加技术会议。"_s,
        u"这个项目的截止日期是六月底。"_s,
        u"咖啡机坏了，需要联系维修公司。"_s,
        // 45: Arabic
        u"يفضل أحمد الاجتماعات في الصباح الباكر."_s,
        u"كلمة مرور قاعدة البيانات تغيرت في شهر مارس."_s,
        u"تسافر ليلى إلى القاهرة في نهاية الأسبوع."_s,
        u"المكتبة مغلقة يوم الجمعة."_s,
        u"نحتاج إلى تجديد رخصة البرنامج قبل الصيف."_s,
        // 50: signs and mixtures
        u"Team reaction for a merged change: 🎉, for a revert: 🙈"_s,
        u"🍕 every Friday at noon, 🥗 for Nadia"_s,
        u"The status light is 🔴 when the line is blocked"_s,
        u"Привет: так Олег начинает каждое письмо."_s,
        u"東京のオフィスは九時に開きます。"_s,
        u"Die Straßenbahn fährt an Feiertagen nur stündlich."_s,
    };
    return texts;
}

struct MemoryQuestion
{
    QString words;
    qsizetype answer;
};

/// They share word stems with the answer, or words that are spelt otherwise.
inline const QList<MemoryQuestion>& memoryQuestions()
{
    using namespace Qt::StringLiterals;
    static const QList<MemoryQuestion> questions{
        {u"which answers does Marta like, long or short ones?"_s, 0},
        {u"inspection of cranes in the harbor"_s, 1},
        {u"who approves a deployment to production"_s, 2},
        {u"when did we rotate the databse passwords"_s, 3},
        {u"sending an invoice: what format and which day"_s, 4},
        {u"alergy peanut Tomas"_s, 5},
        {u"disk of the build servers is full, pruning artifacts"_s, 6},
        {u"why sqlite and not postgres"_s, 7},
        {u"complaints from Lisbon: shop pages load slowly"_s, 8},
        {u"failing parser test windows line ending"_s, 9},
        {u"is Ines back from leave"_s, 10},
        {u"how many minutes do nightly backups take"_s, 11},
        {u"grandmas cake with apples, how many egg"_s, 12},
        {u"cancellation of trains Basel Milano"_s, 13},
        {u"buying licences for designing software"_s, 14},
        {u"style of a commit mesage for Jonas"_s, 15},
        {u"temperature thermostats meeting rooms"_s, 16},
        {u"rewriting parsers in rust"_s, 17},
        {u"paulo daughters school"_s, 18},
        {u"outgoing mails blocked by firewalls"_s, 19},
        {u"removal of XML from the API's second version"_s, 20},
        {u"talks at a conference in Vienna on signal box"_s, 21},
        {u"roastery where we order coffee"_s, 22},
        {u"leaking memory viewing images"_s, 23},
        {u"accessible keyboards navigating, who cares for it"_s, 24},
        {u"museum lighthouse opening hours monday"_s, 25},
        {u"yearly fees of the host"_s, 26},
        {u"portugese translator"_s, 27},
        {u"restarting payments service"_s, 28},
        {u"cleaning mirrors of a telescope"_s, 29},
        {u"card readers losing connections 4711"_s, 30},
        {u"kitchen key for the shed"_s, 31},
        {u"webhook retries"_s, 32},
        {u"quarterly reports in april"_s, 33},
        {u"violin rehearsal thursday"_s, 34},
        {u"contradiction in ferry timetables"_s, 35},
        {u"fingerprints login hibernating"_s, 36},
        {u"halving startup time this year"_s, 37},
        {u"installation of a heat pump in the warehouse"_s, 38},
        {u"contract signed years keeping lawyer"_s, 39},
        {u"简短回答"_s, 40},
        {u"数据库什么时候备份"_s, 41},
        {u"谁去上海开会"_s, 42},
        {u"项目截止是哪天"_s, 43},
        {u"维修咖啡机的公司"_s, 44},
        {u"متى يفضّل أحمد الاجتماع"_s, 45},
        {u"قواعد البيانات وكلمات المرور"_s, 46},
        {u"سفر ليلى الى القاهره"_s, 47},
        {u"هل المكتبة مغلقة"_s, 48},
        {u"تجديد رخص البرامج"_s, 49},
        {u"🎉 or 🙈?"_s, 50},
        {u"who gets 🥗"_s, 51},
        {u"what does 🔴 mean"_s, 52},
        {u"Олег письма привет"_s, 53},
        {u"東京オフィス 何時"_s, 54},
        {u"strassenbahn feiertag"_s, 55},
    };
    return questions;
}

/// They say the same in other words altogether: only a model that knows meanings finds the answer.
inline const QList<MemoryQuestion>& meaningQuestions()
{
    using namespace Qt::StringLiterals;
    static const QList<MemoryQuestion> questions{
        {u"does she want brief replies"_s, 0},
        {u"what food could harm a colleague"_s, 5},
        {u"CI machine storage exhausted"_s, 6},
        {u"SMTP traffic is rejected"_s, 19},
        {u"who looks after users with disabilities"_s, 24},
        {u"biometric sign-in broken once the laptop wakes up"_s, 36},
        {u"how long must legal papers be archived"_s, 39},
        {u"sustainable heating"_s, 38},
    };
    return questions;
}

} // namespace sb::test
