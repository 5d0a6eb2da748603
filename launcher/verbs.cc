#include "launcher/verbs.h"

#include <fmt/format.h>

namespace datagen::launcher {

namespace {

// "--help" of "-h,--help".
std::string long_name(const Verb::Option& option) {
  const std::size_t at = option.names.find("--");
  return at == std::string::npos ? option.names : option.names.substr(at);
}

std::string words_of(const Verb& verb) {
  std::string words;
  for (const Verb::Option& option : verb.options) words += (words.empty() ? "" : " ") + long_name(option);
  return words;
}

bool takes(const Verb& verb, const std::string& positional) {
  for (const std::string& name : verb.positionals)
    if (name == positional) return true;
  return false;
}

std::string names_of(const std::vector<Verb>& verbs) {
  std::string names;
  for (const Verb& verb : verbs) names += (names.empty() ? "" : " ") + verb.name;
  return names;
}

// Runs are the folders under ./runs; everything else is a file.
std::string bash_script(const std::vector<Verb>& verbs) {
  std::string cases;
  for (const Verb& verb : verbs) {
    cases += fmt::format("    {}) words=\"{}{}\" ;;\n", verb.name, words_of(verb),
                         takes(verb, "RUN") ? " $(ls runs 2>/dev/null)" : "");
  }
  return fmt::format(R"(# bash completion of datagen; load it with: source <(datagen completion bash)
_datagen() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" words=""
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{} --help --version" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word"))
}}
complete -o filenames -F _datagen datagen
)",
                     names_of(verbs), cases);
}

// zsh has a way to run bash's.
std::string zsh_script(const std::vector<Verb>& verbs) {
  return "#compdef datagen\n# zsh completion of datagen; load it with: source <(datagen completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script(verbs);
}

std::string quote_fish(const std::string& text) {
  std::string out = "'";
  for (const char letter : text)
    out += letter == '\'' || letter == '\\' ? std::string("\\") + letter : std::string(1, letter);
  return out + "'";
}

std::string fish_script(const std::vector<Verb>& verbs) {
  std::string text = "# fish completion of datagen; load it with: datagen completion fish | source\n";
  for (const Verb& verb : verbs) {
    text += fmt::format("complete -c datagen -f -n __fish_use_subcommand -a {} -d {}\n", verb.name,
                        quote_fish(verb.help));
    const std::string seen = fmt::format("-n '__fish_seen_subcommand_from {}'", verb.name);
    if (takes(verb, "RUN")) text += fmt::format("complete -c datagen {} -a '(ls runs 2>/dev/null)'\n", seen);
    for (const Verb::Option& option : verb.options) {
      text += fmt::format("complete -c datagen {} -l {}{} -d {}\n", seen, long_name(option).substr(2),
                          option.argument.empty() ? "" : " -r", quote_fish(option.help));
    }
  }
  return text;
}

// Text in roff: a backslash, a hyphen and a dot at the start of a line mean something there.
std::string roff(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    if ((letter == '.' || letter == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (letter == '\\') {
      out += "\\e";
    } else if (letter == '-') {
      out += "\\-";
    } else {
      out += letter;
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const std::vector<Verb>& verbs, const std::string& shell) {
  if (shell == "bash") return bash_script(verbs);
  if (shell == "zsh") return zsh_script(verbs);
  return shell == "fish" ? fish_script(verbs) : std::string();
}

std::string manual_page(const std::string& program, const std::string& about, const std::vector<Verb>& verbs,
                        const std::string& version) {
  const std::string name = roff(program);
  std::string text = fmt::format(
      ".TH \"{0}\" 1 \"\" \"datagen {1}\"\n.SH NAME\n{0} \\- {2}\n.SH SYNOPSIS\n.B {0}\n.I VERB\n[options]\n"
      ".SH VERBS\n",
      name, version, roff(about));
  for (const Verb& verb : verbs) {
    text += fmt::format(".SS \"{} {}", name, roff(verb.name));
    for (const std::string& positional : verb.positionals) text += " " + roff(positional);
    text += "\"\n" + roff(verb.help) + "\n";
    for (const Verb::Option& option : verb.options) {
      text += fmt::format(".TP\n.B {}{}\n{}\n", roff(option.names),
                          option.argument.empty() ? "" : " " + roff(option.argument), roff(option.help));
    }
    text += ".PP\n.nf\n" + roff(verb.footer) + "\n.fi\n";
  }
  return text;
}

}  // namespace datagen::launcher
