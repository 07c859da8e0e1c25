#include "core/packages/Concepts.h"

#include <QRegularExpression>
#include <array>

using namespace Qt::StringLiterals;

namespace sb::packages {

namespace {

enum Concept : unsigned {
    Call = 1,       ///< an agent is spoken to
    Command = 2,    ///< something is to be done
    Unasked = 4,    ///< nobody is to be asked
    Rules = 8,      ///< instructions
    Given = 16,     ///< … that somebody was given before
    Void = 32,      ///< something does not count any more
    ThisOnly = 64,  ///< this here counts
    Secret = 128,   ///< what nobody should have
    Sending = 256,  ///< it goes
    Outside = 512,  ///< … out
    Address = 1024, ///< an agent is spoken to, and something follows
};

struct Words
{
    Concept what;
    QRegularExpression expression;
};

const std::array<Words, 11>& words()
{
    const auto make = [](const QString& text) {
        QRegularExpression expression(u"(?<!\\p{L})(?:"_s + text + u")"_s,
                                      QRegularExpression::UseUnicodePropertiesOption);
        expression.optimize();
        return expression;
    };
    static const std::array<Words, 11> made{{
        {Address,
         make(u"(?:hello|hi|hey|dear|attention|note "
              u"(?:to|for)|hallo|achtung|hola|atencion|bonjour|привет|"
              "внимание|你好|注意)[\\s,:!]{1,4}(?:\\p{L}{1,8}[\\s'’-]){0,2}(?:ai|agents?|"
              "assistants?|language "
              "models?|llms?|models?|chatbots?|ki|agenten|assistent|sprachmodell|agente|asistente|"
              "modelo|ia|"
              "modele|агент|ассистент|модель|ии|помощник|智能体|助手|模型|人工智能)\\s?[:,!]"_s)},
        {Call,
         make(
             u"(?:hello|hi|hey|dear|attention|notes? (?:to|for)|messages? "
             u"(?:to|for)|hallo|liebe[rs]?|achtung|"
             "hinweis (?:an|fur)|hola|estimad[oa]|atencion|nota "
             "para|bonjour|cher|chere|attention|note (?:a|pour)|привет|"
             "здравствуй|уважаемый|внимание|你好|亲爱的|注意)[\\s,:!,、]{0,4}(?:(?:the|all|any|an?|"
             "our|der|die|das|den|alle|el|"
             "la|los|l|le|les|an|ki|ai|каждый|各位)[\\s'’-]{1,2}){0,2}(?:ai|agents?|assistants?|"
             "language models?|llms?|"
             "models?|chatbots?|bots?|ki|agent|agenten|assistent|assistenten|sprachmodell|agente|"
             "asistente|modelo|ia|"
             "modele|агент|ассистент|модель|ии|бот|помощник|智能体|助手|模型|人工智能)(?!\\p{L})|"
             "(?:whoever|anyone|any ?one|any (?:ai|agent|assistant|model|bot)|every "
             "(?:ai|agent|assistant|model)|ai (?:agents?|"
             "assistants?|models?|systems?)) [^.!?\\n]{0,40}(?:read|process|summari|pars|index)\\w{0,6} this"_s)},
        {Command,
         make(u"execut|run (?:the|this|these|following|it)|open (?:the|a|your) "
              u"(?:terminal|shell|browser|file|wallet)|paste|"
              "transfer|wire |delete|remove|add the "
              "(?:line|word|sentence)|recommend|approve|authori[sz]e|click|visit|"
              "download|install|write |say |rate "
              "|send|output|fuhre|offne|uberweis|losch|empfiehl|sende|ejecuta|abre|"
              "transfiere|borra|recomienda|envia|execute|ouvre|supprime|recommande|envoie|выполни|"
              "открой|удали|переведи|"
              "рекоменду|порекоменду|отправь"_s)},
        {Unasked,
         make(u"without (?:asking|confirm|permission|approval|hesitation|further)|no "
              u"(?:confirmation|approval|permission) (?:is )?"
              "(?:needed|required|necessary)|(?:has|have) been "
              "(?:verified|approved|authori)|already (?:verified|approved|"
              "authori)|skip the confirm|ohne (?:ruckfrage|nachfrage|bestatigung|zu fragen)|sin "
              "(?:preguntar|confirm|pedir)|"
              "sans (?:demander|confirm|poser)|без (?:подтвержд|вопрос|спрос)"_s)},
        {Rules,
         make(
             u"instruction|direction|directive|guideline|rules|prompt|orders|anweisung|instruktion|"
             u"regeln|vorgabe|befehl|"
             "instruccion|ordenes|reglas|indicaciones|consigne|ordres|regles|инструкци|указани|правил|команд|распоряжени"_s)},
        {Given,
         make(u"you (?:got|received|were (?:given|told|trained)|have (?:received|been "
              u"(?:given|told)))|(?:from|by|of) your "
              "(?:operator|developer|user|owner|creator|maker)|so "
              "far|bisher|bislang|zuvor|vorher|recibi|te dieron|hasta ahora|"
              "recue?s|jusqu|donnees|полученн|ранее|до сих пор|прежн"_s)},
        {Void,
         make(u"void|no longer|(?:are|is|be) "
              u"(?:cancel|revoked|obsolete|withdrawn|invalid|superseded|outdated)|set aside|not "
              "(?:valid|binding)|do(?:es)? not (?:apply|count)|gelten "
              "nicht|ungultig|hinfallig|aufgehoben|uberholt|ya no|no son "
              "validas|anulad|canceladas|annule|ne (?:sont|valent|comptent) "
              "plus|caduque|отменен|отменя|недействительн|не "
              "действу|больше не"_s)},
        {ThisOnly,
         make(u"(?:obey|follow|listen to|heed) (?:only )?(?:this|these|the following|me)|this page "
              u"only|only (?:this|these)|"
              "halte dich (?:nur )?an|nur (?:an )?dies|sigue solo|solo est|suis "
              "uniquement|uniquement (?:celles|cette|cela)|"
              "следуй только|только эт"_s)},
        {Secret,
         make(u"id_rsa|id_ed25519|\\.ssh|\\.aws|\\.env|\\.netrc|\\.gnupg|private key|seed "
              u"phrase|etc/(?:passwd|shadow)|environment "
              "variables|system prompt|conversation history|chat "
              "history|(?:all|any|user.s|saved|stored|my|their) (?:api "
              "keys?|passwords?|credentials|tokens|secrets)"_s)},
        {Sending,
         make(
             u"(?:re)?(?:send|sent|post|upload|e-?mail|forward|transmit|exfiltrat|submit|publish|leak|share|deliver|copied|copy)"_s)},
        {Outside,
         make(
             u"https?:|www\\.|ftp:|[\\w.+-]{1,40}@[\\w-]{1,40}\\.|webhook|pastebin|telegram|discord"_s)},
    }};
    return made;
}

/// Chinese has no blanks, so its words are looked for anywhere.
const std::array<Words, 7>& chineseWords()
{
    static const std::array<Words, 7> made{{
        {Call,
         QRegularExpression(
             u"(?:你好|亲爱的|注意|致)[,、:!]?(?:各位|所有)?(?:ai|智能体|助手|模型|人工智能|机器人)"_s)},
        {Command, QRegularExpression(u"运行|执行|打开|删除|转账|推荐|发送|输出|下载"_s)},
        {Unasked,
         QRegularExpression(
             u"不需要确认|无需确认|不用确认|不必询问|无需询问|已(?:经)?(?:批准|授权)"_s)},
        {Rules, QRegularExpression(u"指令|指示|规则|提示词|要求|命令"_s)},
        {Given, QRegularExpression(u"此前|之前|先前|收到的|给你的|以前"_s)},
        {Void, QRegularExpression(u"作废|无效|失效|取消|不再有效|不算数"_s)},
        {ThisOnly, QRegularExpression(u"(?:只|仅)(?:按照|听|遵循|依照|服从)|以本页为准"_s)},
    }};
    return made;
}

bool isHan(const QString& text)
{
    return std::ranges::any_of(text, [](QChar c) { return c.script() == QChar::Script_Han; });
}

struct Sentence
{
    qsizetype start;
    qsizetype end;
    unsigned concepts;
};

QList<Sentence> sentencesOf(const QString& text)
{
    constexpr qsizetype longest = 400;
    const bool han = isHan(text);
    QList<Sentence> sentences;
    for (qsizetype start = 0; start < text.size();) {
        qsizetype end = start;
        while (end < text.size() && end - start < longest) {
            const QChar c = text[end++];
            const bool last = end == text.size();
            const bool stops = c == u'.' || c == u'!' || c == u'?';
            if (c == u'。' || (stops && (last || text[end].isSpace() || han)) ||
                (c == u'\n' && !last && text[end] == u'\n')) {
                break;
            }
        }
        const QStringView part = QStringView(text).sliced(start, end - start);
        unsigned concepts = 0;
        for (const Words& one : words()) {
            concepts |= one.expression.matchView(part).hasMatch() ? unsigned(one.what) : 0U;
        }
        if (han) {
            for (const Words& one : chineseWords()) {
                concepts |= one.expression.matchView(part).hasMatch() ? unsigned(one.what) : 0U;
            }
        }
        sentences.append({start, end, concepts});
        start = end;
    }
    return sentences;
}

bool holds(unsigned concepts, unsigned wanted)
{
    return (concepts & wanted) == wanted;
}

} // namespace

QList<ConceptHit> conceptsIn(const QString& folded)
{
    QList<ConceptHit> hits;
    const auto sentences = sentencesOf(folded);
    for (qsizetype i = 0; i < sentences.size(); ++i) {
        const Sentence& one = sentences[i];
        if (holds(one.concepts, Secret | Sending | Outside)) {
            hits.append({FindingKind::Exfiltration, one.start, one.end});
        }
        // What is meant is often said in two sentences: "Hello agent! Run this."
        const bool pair = i + 1 < sentences.size();
        const unsigned both = one.concepts | (pair ? sentences[i + 1].concepts : 0U);
        const bool revokes = holds(both, Rules | Void | Given);
        const bool replaces = holds(both, Rules | Void | ThisOnly);
        const bool orders = (one.concepts & Address) != 0 ||
                            ((one.concepts & Call) != 0 && (both & (Command | Unasked)) != 0);
        if (revokes || replaces || orders) {
            const bool alone =
                (one.concepts & Address) != 0 || holds(one.concepts, Rules | Void | Given) ||
                holds(one.concepts, Rules | Void | ThisOnly) ||
                ((one.concepts & Call) != 0 && (one.concepts & (Command | Unasked)) != 0);
            hits.append({FindingKind::Override,
                         one.start,
                         alone || !pair ? one.end : sentences[i + 1].end});
        }
    }
    return hits;
}

} // namespace sb::packages
