#include "core/packages/InjectionPatterns.h"

using namespace Qt::StringLiterals;

namespace sb::packages {

namespace {

/// Phrases are written as people write them: a blank stands for whatever may lie between two words
/// of a sentence, "~" for up to five words more, "*" for the rest of a word. Everything is bounded,
/// so that no text makes the search slow.
QRegularExpression phrase(const QString& written)
{
    const QString gap = u"[^\\p{L}\\p{N}.!?]{1,6}"_s;
    QString text;
    for (const QChar c : written) {
        if (c == u' ') {
            text += gap;
        } else if (c == u'~') {
            text += u"(?:[\\p{L}\\p{N}]{1,24}"_s + gap + u"){0,5}?"_s;
        } else if (c == u'*') {
            text += u"\\p{L}{0,12}"_s;
        } else {
            text += c;
        }
    }
    // "~ " reads well; the blank is part of it.
    text.replace(u"){0,5}?"_s + gap, u"){0,5}?"_s);
    QRegularExpression expression(u"(?<![\\p{L}\\p{N}])(?:"_s + text + u")(?![\\p{L}\\p{N}])"_s,
                                  QRegularExpression::UseUnicodePropertiesOption);
    expression.optimize();
    return expression;
}

QRegularExpression plain(const QString& text)
{
    QRegularExpression expression(text, QRegularExpression::UseUnicodePropertiesOption);
    expression.optimize();
    return expression;
}

void addOverrides(std::vector<Pattern>& all)
{
    const auto add = [&](const QString& written, Severity severity = Severity::Medium) {
        all.push_back({FindingKind::Override, severity, phrase(written)});
    };
    // English
    const QString drop =
        u"(?:ignore|disregard|forget|override|bypass|overlook|neglect|abandon|discard|"
        "pay no attention to|do not (?:follow|obey)|don t (?:follow|obey)|stop "
        "(?:following|obeying)|set aside|throw out)"_s;
    add(drop +
        u" ~ (?:previous|prior|above|earlier|preceding|foregoing|original|initial|your|system|"
        "developer) ~ (?:instructions?|prompts?|rules|directions?|directives?|guidelines|"
        "commands|orders|guardrails|restrictions|polic(?:y|ies)|programming|training|"
        "safeguards|constraints|message)"_s);
    add(drop +
        u" ~ (?:all|any|every|everything|these|those|other|whatever) ~ (?:instructions?|prompts?|"
        "directives?|guardrails|safeguards|you (?:were|have been|know))"_s);
    add(u"(?:forget|disregard|ignore) (?:everything|all|anything|whatever) ~ "
        u"(?:above|before|told|said|"
        "learned|earlier)"_s);
    add(u"your (?:new|real|actual|true|only|updated|primary) (?:task|goal|objective|mission|"
        "instructions?|role|job|purpose) (?:is|are)"_s);
    add(u"(?:new|updated|revised|special|urgent|secret|hidden) (?:instructions?|directives?|orders|"
        "commands) (?:for|to) ~ (?:ai|assistants?|agents?|models?|llms?|chatbots?|bots?)"_s);
    add(u"you are (?:now|no longer) ~ (?:dan|unrestricted|unfiltered|jailbroken|restricted|bound|"
        "limited|assistant|ai|claude|chatgpt|language model|free)"_s);
    add(u"(?:enter|enable|activate|switch to|you are in) ~ (?:dan|god|jailbreak|unrestricted|"
        "unfiltered) mode"_s);
    add(u"if you are (?:an?|the) ~ (?:ai|llm|language model|assistant|agent|bot|chatbot|crawler|"
        "model) ~ (?:must|should|please|immediately|include|send|run|ignore|reply|respond|output|"
        "print|add|execute|recommend|say|write|open|visit|stop|rate|approve)"_s);
    add(u"(?:ai|llm|language) (?:agents?|assistants?|models?|systems?|reviewers?|readers?) "
        u"(?:that|which|who)? "
        "?~ (?:must|have to|are required to|are instructed to|shall) ~ (?:ignore|send|run|execute|"
        "reply|respond|recommend|include|approve|visit|praise|give|download|install|rate)"_s);
    add(u"(?:do not|don t|never|without) "
        u"(?:tell|inform|alert|notify|warn|telling|informing|alerting|"
        "notifying|warning|mention (?:this|it|that) to|mentioning (?:this|it|that) to|reveal "
        "(?:this|it|"
        "that) to) ~ (?:user|human|owner|operator|developer|person you)"_s);
    add(u"(?:reveal|print|output|repeat|dump|leak|disclose|tell me|write out|give me|show me) ~ "
        "(?:your (?:system prompt|instructions|initial prompt|hidden prompt|prompt|system "
        "message|rules)|"
        "the (?:system prompt|hidden prompt|initial prompt|hidden instructions) you|"
        "(?:everything|text|words|all) above (?:this|verbatim|word))"_s);
    add(u"from now on (?:you (?:will|must|are|shall|should|only|have "
        u"to)|respond|reply|answer|act|obey|"
        "always (?:respond|answer|reply|say|include|obey|recommend))"_s);
    add(u"(?:supersedes?|overrides?|replaces?|takes? precedence over|cancels?) ~ "
        u"(?:previous|prior|earlier|"
        "your|other|existing) ~ (?:instructions|prompts?|system prompt)"_s);
    add(u"(?:pretend|imagine|act as if|behave as if) ~ (?:no "
        u"(?:rules|restrictions|guidelines|limits|"
        "filters)|without (?:rules|restrictions|guidelines|limits|filters)|never (?:received|had) "
        "~ "
        "instructions)"_s);
    add(u"(?:the (?:user|owner|operator|developer|administrator|person)|your "
        u"(?:user|owner|operator|"
        "developer|administrator)) (?:has|have) (?:already "
        ")?(?:approved|authori[sz]ed|agreed|permitted|"
        "consented|confirmed)"_s);
    add(u"(?:as|i am|this is) (?:the|your|an?) ~ "
        u"(?:administrator|admin|owner|operator|developer|creator|"
        "supervisor) ~ (?:i|we) (?:authori[sz]e|allow|permit|order|command|instruct|grant|hereby)"_s);
    add(u"tell (?:the|your) (?:user|person|owner|human) that ~ (?:everything|all|nothing) "_s
            .trimmed());
    add(u"what (?:were you told|did your (?:developer|operator|creator)|(?:are|is) your (?:system "
        u"prompt|"
        "instructions|prompt|rules))"_s);
    add(u"stop being ~ (?:assistant|ai|helpful)"_s);
    add(u"your (?:earlier|previous|prior|original|former|old) "
        u"(?:orders|instructions|prompt|directives|rules|"
        "programming)"_s);
    add(u"(?:ignore|disregard|bypass) ~ (?:safety|content|confidentiality) "
        u"(?:policy|policies|rules|guidelines|"
        "filters?)"_s);
    add(u"do (?:the following|this|it) (?:silently|secretly|quietly)"_s);
    add(u"without (?:the user|anyone|the human|them|the owner) (?:noticing|knowing|seeing)"_s);
    add(u"(?:show|print|repeat|reveal) ~ (?:confidential|secret|hidden) ~ (?:text|prompt|instructions|message)"_s);
    add(u"(?:do not|don t|never) wait for (?:the )?(?:human|approval|confirmation)"_s);
    add(u"approval ~ ~ (?:was|is|has been) granted"_s);
    add(u"(?:when|if) (?:you are|you re)? ?(?:asked|told|prompted|requested) to ~ "
        u"(?:answer|say|reply|respond|claim|"
        "report) that"_s);
    add(u"(?:answer|act|speak|respond|reply) ~ without (?:ethics|morals?|conscience|censorship|filters?)"_s);
    // German
    const QString vergiss =
        u"(?:ignorier*|missacht*|vergiss|vergessen sie|vergesst|uberschreib*|umgeh*|"
        "verwirf|verwerf*|befolg* nicht|beacht* nicht)"_s;
    add(vergiss +
        u" ~ (?:vorherig*|bisherig*|vorangegangen*|vorangehend*|vorhergehend*|fruher*|obig*|"
        "alle*|dein*|ihre*|ursprunglich*|samtlich*) ~ (?:anweisung*|instruktion*|befehl*|"
        "regel*|vorgabe*|richtlini*|prompts?|systemprompt*|anordnung*|sicherheitsregel*)"_s);
    add(u"(?:deine|ihre|eure) (?:neue|eigentliche|wahre|wirkliche|einzige) "
        u"(?:aufgabe|anweisung|rolle|"
        "mission) (?:ist|lautet|besteht)"_s);
    add(u"(?:sag|sage|sagen|verrate|verraten|erzahl*|melde|informier*|erwahn*|teile) ~ (?:nutzer*|"
        "benutzer*|anwender*|menschen|besitzer*|user) ~ (?:nicht|nichts|davon|niemals)"_s);
    add(u"(?:du bist|sie sind) (?:jetzt|nun|ab sofort|ab jetzt|nicht mehr|nicht langer) ~ "
        u"(?:ki|assistent*|"
        "agent*|modell|dan|unbeschrankt*|frei|gebunden)"_s);
    add(u"(?:wenn|falls|sofern) (?:du|sie) ~ (?:ki|sprachmodell|assistent*|agent*|llm|bot) ~ "
        u"(?:bist|sind|"
        "liest|lesen)"_s);
    add(u"(?:zeig*|gib|geben|nenne|nennen|verrate*|wiederhol*|drucke) ~ (?:systemprompt*|system "
        u"prompt|"
        "systemanweisung*|deine* (?:anweisung*|regeln|vorgaben)|interne* anweisung*)"_s);
    // Spanish
    const QString ignora =
        u"(?:ignora|ignore|ignorad|ignorar|olvida|olvide|olvidate de|descarta|descarte|"
        "omite|no sigas|no siga|desobedece|pasa por alto|anula|haz caso omiso de|"
        "haga caso omiso de)"_s;
    add(ignora +
        u" ~ (?:instrucciones|ordenes|reglas|indicaciones|directrices|prompts?|directivas) ~ "
        "(?:anteriores|previas|precedentes|originales|sistema|arriba|iniciales|recibid*|"
        "dieron|dado)"_s);
    add(ignora +
        u" ~ (?:tus|sus|anteriores|previas) ~ (?:instrucciones|reglas|ordenes|directrices)"_s);
    add(u"(?:tu|su) (?:nueva|nuevo|verdadera|verdadero|unica|unico) "
        u"(?:tarea|mision|objetivo|instruccion|rol) "
        "(?:es|sera|consiste)"_s);
    add(u"no (?:le |se lo "
        u")?(?:digas|diga|informes|informe|menciones|mencione|reveles|avises|cuentes) ~ "
        "(?:usuario|usuaria|humano|dueno|propietario)"_s);
    add(u"(?:a partir de ahora|desde ahora|de ahora en adelante) ~ "
        u"(?:eres|seras|debes|debe|responde|"
        "responderas|actua|actuaras|obedece)"_s);
    add(u"si eres ~ (?:ia|inteligencia artificial|modelo|asistente|agente|bot)"_s);
    add(u"(?:muestra|muestrame|revela|imprime|repite|dime|ensena*) ~ (?:tus instrucciones|prompt "
        u"del "
        "sistema|instrucciones del sistema|tu prompt|mensaje del sistema)"_s);
    // French
    const QString oublie =
        u"(?:ignore[zr]?|oublie[zr]?|neglige[zr]?|ne (?:tiens|tenez) (?:pas|plus|aucun) "
        "compte|fai(?:s|tes) abstraction|contourne[zr]?|desobei*|n obei* (?:pas|plus)|"
        "ne sui(?:s|vez) (?:pas|plus))"_s;
    add(oublie +
        u" ~ (?:instructions?|consignes?|ordres?|regles?|directives?|prompts?) ~ (?:precedente?s?|"
        "anterieure?s?|initiale?s?|dessus|haut|systeme|originale?s?|recue?s?|origine)"_s);
    add(oublie + u" ~ (?:tes|vos) ~ (?:instructions|consignes|regles|directives|ordres)"_s);
    add(u"(?:ta|votre|ton) (?:nouvelle|vraie|veritable|seule|nouvel) (?:tache|mission|consigne|"
        "instruction|role|objectif) (?:est|consiste)"_s);
    add(u"(?:ne|n) ~ "
        u"(?:dis|dites|parle|parlez|revele|revelez|mentionne|mentionnez|previens|prevenez|"
        "informe|informez|signale|signalez) ~ (?:utilisateur|utilisatrice|usager|humain|proprietaire)"_s);
    add(u"(?:a partir de maintenant|desormais|des maintenant) ~ (?:tu es|vous etes|tu dois|vous "
        u"devez|"
        "reponds|repondez|agis|agissez|obeis)"_s);
    add(u"si (?:tu es|vous etes) ~ (?:ia|intelligence artificielle|modele|assistant|agent|robot)"_s);
    add(u"(?:revele|affiche|montre|repete|donne|imprime)[zr]? ~ (?:prompt systeme|instructions "
        u"systeme|tes "
        "(?:instructions|consignes)|vos (?:instructions|consignes)|message systeme)"_s);
    // Russian
    const QString zabud =
        u"(?:игнорируй*|игнорировать|проигнорируй*|забудь*|отбрось*|не следуй*|не выполняй*|"
        "не обращай* внимания на|отмени*|обойди*|пренебрег*)"_s;
    add(zabud +
        u" ~ (?:предыдущ*|прежн*|прошл*|ранее|выше*|все|всё|свои|свой|твои|ваши|системн*|исходн*|"
        "начальн*|полученн*) ~ (?:инструкци*|указани*|команд*|правил*|промпт*|директив*|"
        "распоряжени*|ограничени*)"_s);
    add(u"(?:твоя|ваша) (?:новая|настоящая|истинная|единственная) (?:задача|цель|роль|миссия)"_s);
    add(u"не (?:говори*|сообщай*|рассказывай*|упоминай*|раскрывай*|предупреждай*|уведомляй*) ~ "
        "(?:пользовател*|человек*|владельц*)"_s);
    add(u"(?:теперь|отныне|с этого момента|с этой минуты) (?:ты|вы) ~ "
        u"(?:агент*|ассистент*|ии|модель|"
        "должен|должны|обязан*|ограничений|свобод*|не связан*)"_s);
    add(u"если (?:ты|вы) ~ (?:ии|ассистент|агент|модель|бот|помощник)"_s);
    add(u"(?:покажи|выведи|раскрой|повтори|напечатай)* ~ (?:системн* "
        u"(?:промпт|инструкци|сообщени)*|(?:свои|"
        "твои|ваши) (?:инструкции|правила))"_s);
    // Chinese has no blanks.
    const QString near = u"[^。!?\\n]{0,10}"_s;
    const QStringList chinese{
        u"(?:忽略|无视|無視|忘记|忘記|忘掉|不要理会|不要遵守|不要遵循|抛开|绕过|别管|不用管)"_s +
            near + u"(?:之前|以前|先前|上述|以上|前面|上面|原有|原来|所有|一切|你的|系统|此前)"_s +
            near + u"(?:指令|指示|提示|规则|命令|要求|说明|限制|约束|设定|規則)"_s,
        u"你的?(?:新的?|真正的?|实际的?|唯一的?)(?:任务|目标|角色|指令|使命)(?:是|为)"_s,
        u"(?:不要|别|切勿|勿|禁止|无需)[^。!?\\n]{0,4}(?:告诉|告知|通知|提醒|透露给|让)[^。!?\\n]{0,4}(?:用户|使用者|主人|人类)"_s,
        u"(?:从现在开始|从现在起|现在起|今后)[^。!?\\n]{0,4}你(?:是|将|必须|要|不再|应)"_s,
        u"如果你是[^。!?\\n]{0,8}(?:ai|人工智能|助手|模型|智能体|代理|机器人)"_s,
        u"(?:输出|显示|打印|透露|告诉我|重复|泄露|展示)"_s + near +
            u"(?:系统提示|系统指令|你的(?:指令|提示|规则)|初始提示)"_s};
    for (const QString& written : chinese) {
        all.push_back({FindingKind::Override, Severity::Medium, plain(written)});
    }
}

void addExfiltration(std::vector<Pattern>& all)
{
    const auto add = [&](const QString& written, Severity severity = Severity::Medium) {
        all.push_back({FindingKind::Exfiltration, severity, phrase(written)});
    };
    const QString grave =
        u"(?:id_rsa|id_ed25519|ssh keys?|private keys?|(?:ssh|aws|gnupg|kube) (?:folder|directory|"
        "config|credentials)|(?:\\.ssh|\\.aws|\\.env|\\.netrc|\\.npmrc)|env file|environment "
        "variables|etc passwd|"
        "etc shadow|conversation|chat history|system prompt|seed phrase|wallet|cookies|"
        "(?:all|any|every|user s|their|stored|saved|found|my|the) ~ (?:api keys?|access "
        "keys?|secret keys?|"
        "passwords?|credentials|tokens|secrets|emails|e mails|contacts|private files|"
        "messages|keys))"_s;
    const QString where =
        u"(?:https?|www|[\\w.+-]{1,40}@[\\w.-]{1,60}|this (?:address|server|endpoint|url|webhook|"
        "site)|following (?:address|url|endpoint|server|webhook)|my server|our server|"
        "webhook|pastebin|telegram|discord|query (?:string|parameter)|url parameter|"
        "attacker)"_s;
    add(u"(?:send|post|upload|email|e "
        u"mail|mail|forward|transmit|exfiltrate|leak|submit|copy|append|"
        "encode|deliver|publish|paste) ~ "_s +
        grave + u" ~ ~ "_s + where);
    add(u"(?:collect|gather|find|search for|look for|read|open|extract|steal|harvest|cat|take) ~ "_s +
        grave +
        u" ~ (?:and|then) ~ "
        u"(?:send|post|upload|email|forward|transmit|include|append|submit|encode|put|"
        "paste|publish)"_s);
    add(u"(?:append|add|include|embed|encode|put) ~ (?:secrets?|passwords?|api "
        u"keys?|tokens|conversation|chat "
        "history|contents?|private|user s) ~ (?:to|in|into|as) ~ (?:url|link|image|query|address|markdown)"_s);
    add(u"(?:add|append|include|attach|put|encode|insert) ~ (?:user|person|visitor|customer|owner) "
        u"s ~ (?:email|"
        "name|address|phone|data|location|history|messages?|files?) ~ (?:as|in|into|to) ~ (?:query "
        "parameter|"
        "links?|urls?|images?)"_s);
    // German, Spanish, French, Russian
    add(u"(?:send*|schick*|ubermittl*|lade|laden|mail*|poste*|leite|leiten) ~ "
        u"(?:passwort*|schlussel*|"
        "zugangsdaten|geheimnis*|tokens?|umgebungsvariablen|ssh|id_rsa|env|verlauf|unterhaltung|"
        "inhalt*) ~ (?:an|nach|auf|zu|hoch) ~ "
        "(?:https?|www|[\\w.+-]{1,40}@[\\w.-]{1,60}|server|adresse|"
        "webhook)"_s);
    add(u"(?:envia|enviar|envie|manda|mande|sube|suba|reenvia|publica|transmite) ~ "
        u"(?:contrasen*|claves?|"
        "credenciales|secretos?|tokens?|variables de entorno|id_rsa|ssh|env|historial|conversacion|"
        "contenido) ~ (?:a|al|hacia|en|por) ~ "
        "(?:https?|www|[\\w.+-]{1,40}@[\\w.-]{1,60}|servidor|direccion|"
        "correo|webhook)"_s);
    add(u"(?:envoie|envoyez|envoyer|transmets|transmettez|poste|postez|televerse*|publie*) ~ "
        u"(?:mots? de passe|"
        "cles?|identifiants|secrets?|jetons?|variables d environnement|id_rsa|ssh|env|historique|"
        "conversation|contenu) ~ (?:a|au|vers|sur|par) ~ "
        "(?:https?|www|[\\w.+-]{1,40}@[\\w.-]{1,60}|serveur|"
        "adresse|webhook)"_s);
    add(u"(?:отправь*|отправить|пришли*|перешли*|загрузи*|передай*|выложи*) ~ "
        u"(?:парол*|ключ*|учетн* данн*|учётн* данн*|секрет*|"
        "токен*|переменн* окружения|id_rsa|ssh|env|истори*|переписк*|содержимое) ~ (?:на|в|по|к) ~ "
        "(?:https?|www|[\\w.+-]{1,40}@[\\w.-]{1,60}|сервер*|адрес*|почт*|вебхук)"_s);
    all.push_back({FindingKind::Exfiltration,
                   Severity::Medium,
                   plain(u"(?:发送|上传|传送|提交|转发|泄露|发到|发给)[^。!?\\n]{0,20}(?:密码|密钥|"
                         u"凭据|凭证|令牌|环境变量|私钥|聊天记录|对话|机密|"
                         "id_rsa|\\.env)|(?:把|将)[^。!?\\n]{0,20}(?:密码|密钥|凭据|凭证|令牌|"
                         "环境变量|私钥|聊天记录|对话|机密|id_rsa|"
                         "\\.env)[^。!?\\n]{0,12}(?:发送|上传|传送|提交|转发|发到|发给)"_s)});
    // A picture's address that the model is to fill in.
    all.push_back(
        {FindingKind::Exfiltration,
         Severity::Medium,
         plain(
             u"!\\[[^\\]\\n]{0,100}\\]\\(https?://[^)\\s]{1,200}[?&/=](?:\\{|\\$\\{|<|\\[|%7b)[^)\\n]{1,80}\\)"_s)});
}

void addShell(std::vector<Pattern>& all)
{
    const auto add = [&](const QString& text, Severity severity) {
        all.push_back({FindingKind::Shell, severity, plain(text)});
    };
    const QString shell =
        u"\\|\\s{0,3}(?:sudo (?:-\\w+ )?)?(?:/usr/bin/|/bin/)?(?:env )?(?:ba|z|da|k)?sh\\b"_s;
    const QString load = u"\\b(?:curl|wget)\\b[^\\n|]{1,200}"_s + shell;
    // Many honest programs are installed like this; told to an agent it is something else.
    add(load, Severity::Low);
    add(u"(?:\\b(?:agents?|assistants?|ai|you must|must run|immediately|required|before (?:you "
        u")?(?:continu|proceed|answer)\\w*|"
        "mandatory|silently|to (?:verify|unlock) (?:your|this|the)|first "
        "run)\\b[^\\n|]{0,160}\\n?[^\\n|]{0,80}|"
        "(?:sofort|musst du|agente|debes|tu dois|vous devez|agent doit|должен|обязан|выполни|немедленно|必须|请执行|请运行|执行)[^\\n|]{0,80})"_s +
            load,
        Severity::Medium);
    add(u"\\b(?:base64 (?:-d|-D|--decode)|xxd -r[^\\n|]{0,20}|openssl enc -d[^\\n|]{0,60})\\s{0,3}"_s +
            shell,
        Severity::Medium);
    add(u"\\b(?:bash|sh|zsh) -c [\"']?\\$\\((?:curl|wget)\\b"_s, Severity::Low);
    add(u"\\b(?:iex|invoke-expression)\\b[^\\n]{0,60}(?:downloadstring|iwr|invoke-webrequest|irm)\\b|\\b(?:iwr|irm)\\b[^\\n|]{1,160}\\|\\s{0,3}iex\\b"_s,
        Severity::Low);
    add(u"/dev/tcp/[\\w.-]{1,60}/\\d{1,5}|\\b(?:nc|ncat) (?:-\\w+ )*-e\\b"_s, Severity::Medium);
    add(u"(?:^|[\\n`;&|:])\\s{0,4}(?:sudo )?rm -(?:rf|fr|r -f) (?:--no-preserve-root )?(?:/|~|\\$home)(?:[\\s*`\"']|/\\*|$)"_s,
        Severity::Medium);
    all.push_back(
        {FindingKind::Shell,
         Severity::Medium,
         phrase(
             u"(?:call|use|invoke|run|start) ~ (?:shell|bash|exec|file_write|file_read|web_fetch|"
             "send_file|message_agent|memory_save|spawn_worker|execute_command|run_command) "
             "(?:tool|function) ~ (?:to|with|and)"_s)});
    all.push_back(
        {FindingKind::Shell,
         Severity::Medium,
         phrase(u"(?:agents?|assistants?|ai|models?|llms?) (?:must|should|has to|have to|need "
                u"to|needs to|shall) ~ "
                "(?:run|execute|paste|type) ~ (?:command|script|shell|terminal|code|line)"_s)});
}

void addSpoofs(std::vector<Pattern>& all)
{
    const auto add = [&](const QString& text, Severity severity = Severity::Medium) {
        all.push_back({FindingKind::RoleSpoof, severity, plain(text)});
    };
    add(u"<\\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_"
        u"id|begin_of_text|"
        "tool|endofprompt)\\|>"_s);
    add(u"\\[/?inst\\]|<</?sys>>|\\[/?system\\]\\s"_s);
    add(u"</"
        u"?(?:system|system_prompt|system-reminder|tool_result|tool_response|function_results?|"
        u"function_calls|"
        "untrusted\\w*|user_input|assistant_response)(?:\\s[^<>\\n]{0,80})?>"_s);
    add(u"(?:^|\\n)[\\s#>*=\\[-]{0,12}(?:system|admin|administrator|developer|operator|security) "
        "(?:message|prompt|override|instructions?|directive|notice|command|update) ?(?:to|for)?[^\\n:]{0,30}:"_s);
    add(u"(?:^|\\n)[\\s#>*\\[-]{0,8}(?:system|developer|admin) ?\\]?\\*{0,2}: "
        u"?\\*{0,2}(?:you|your|ignore|disregard|new |from now|"
        "override|the user|attention|important|execute|assistant|all (?:previous|prior)|do not|reveal|stop)"_s);
    add(u"(?:^|\\n)[\\s#>*=\\[-]{0,12}(?:systemnachricht|systemmeldung|nachricht des "
        u"systems|mensaje del sistema|"
        "message (?:du )?systeme|системное сообщение|сообщение системы|系统(?:提示|消息|指令|通知))[^\\n:]{0,20}:"_s);
    add(u"(?:^|\\n)\\s{0,4}(?:assistant|ai) ?: ?(?:sure|of "
        u"course|okay|ok|certainly|yes|understood)[,.!]{0,2} i(?: will|"
        " have| am|.ll|.ve)"_s);
    add(u"\\[ ?signalbox ?:"_s, Severity::High);
    add(u"(?:^|\\n)[^\\p{L}\\n]{2,20}(?:end|begin|start) of (?:the "
        u")?(?:system|user|tool|document|untrusted|context|web "
        "?page|page|external|retrieved) (?:prompt|input|output|content|contents|instructions|message|data|text)"_s);
}

} // namespace

const std::vector<Pattern>& patterns()
{
    static const std::vector<Pattern> made = [] {
        std::vector<Pattern> all;
        addOverrides(all);
        addExfiltration(all);
        addShell(all);
        addSpoofs(all);
        return all;
    }();
    return made;
}

const QRegularExpression& aboutAttacks()
{
    static const QRegularExpression words =
        plain(u"attack|inject|malicious|jailbreak|payload|adversar|exploit|for "
              u"example|e\\.g\\.|such as|phrases? like|"
              "detect|classif|red.team|angriff|beispiel|schadlich|ataque|ejemplo|malicios|attaque|"
              "exemple|malveillan|атак|пример|инъекц|"
              "вредонос|злоумышл|攻击|注入|例如|示例|恶意"_s);
    return words;
}

const QRegularExpression& aboutAgents()
{
    static const QRegularExpression words = plain(
        u"(?<!\\p{L})(?:ai|llm|llms|chatbots?|language "
        u"models?|assistants?|(?:ai|autonomous|software|coding) agents?|agents? "
        "(?:must|should|reading|that|who)|gpt|chatgpt|claude|gemini|ki|sprachmodell\\p{L}*|ia|"
        "modelo de lenguaje|asistente|modele de langage|ии|ассистент\\p{L}*)(?!\\p{L})|人工智能|大模型|语言模型|智能体"_s);
    return words;
}

} // namespace sb::packages
