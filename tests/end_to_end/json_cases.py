"""JSON texts by the names of JSONTestSuite: y_ are JSON, n_ are not.

A line is a name and a text; ~HH~ in it is the byte with that number.
"""

import re

TEXTS = r"""
y_array_arraysWithSpaces [[]    ]
y_array_empty []
y_array_empty-string [""]
y_array_ending_with_newline ["x"]~0a~
y_array_false [false]
y_array_heterogeneous [null, 7, "7", {}]
y_array_null [null]
y_array_with_1_and_newline [1~0a~]
y_array_with_leading_space ~20~[1]
y_array_with_several_null [1,null,null,null,3]
y_array_with_trailing_space [2]~20~
y_number [25e11]
y_number_0e+1 [0e+1]
y_number_0e1 [0e1]
y_number_after_space [ 4]
y_number_double_close_to_zero [-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]
y_number_int_with_exp [30e2]
y_number_minus_zero [-0]
y_number_negative_int [-456]
y_number_negative_one [-1]
y_number_negative_zero [-0]
y_number_real_capital_e [2E33]
y_number_real_capital_e_neg_exp [2E-2]
y_number_real_capital_e_pos_exp [2E+2]
y_number_real_exponent [456e78]
y_number_real_fraction_exponent [123.456e78]
y_number_real_neg_exp [1e-3]
y_number_real_pos_exponent [1e+3]
y_number_simple_int [456]
y_number_simple_real [456.789012]
y_object {"one":"two", "three":"four"}
y_object_basic {"one":"two"}
y_object_duplicated_key {"a":"b","a":"c"}
y_object_duplicated_key_and_value {"a":"b","a":"b"}
y_object_empty {}
y_object_empty_key {"":1}
y_object_escaped_null_in_key {"one\u0000two": 1}
y_object_extreme_numbers { "min": -1.0e+28, "max": 1.0e+28 }
y_object_long_strings {"x":[{"id": "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}], "id": "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}
y_object_simple {"a":[]}
y_object_string_unicode {"title":"\u041f\u043e\u043b\u0442\u043e\u0440\u0430" }
y_object_with_newlines {~0a~"a": "b"~0a~}
y_string_1_2_3_bytes_UTF-8_sequences ["\u0061\u0430\u30af"]
y_string_accepted_surrogate_pair ["\uD800\udf37"]
y_string_accepted_surrogate_pairs ["\ud83d\ude39\ud83d\udc8c"]
y_string_allowed_escapes ["\"\\\/\b\f\n\r\t"]
y_string_backslash_and_u_escaped_zero ["\\u0000"]
y_string_backslash_doublequotes ["\""]
y_string_comments ["x/*y*/z//t"]
y_string_double_escape_a ["\\a"]
y_string_double_escape_n ["\\n"]
y_string_escaped_control_character ["\u0013"]
y_string_escaped_noncharacter ["\uFFFE"]
y_string_in_array ["one"]
y_string_in_array_with_leading_space [ "one"]
y_string_last_surrogates_1_and_2 ["\uDBFF\uDFFF"]
y_string_nbsp_uescaped ["one\u00A0two"]
y_string_nonCharacterInUTF-8_U+10FFFF ["~f4~~8f~~bf~~bf~"]
y_string_nonCharacterInUTF-8_U+FFFF ["~ef~~bf~~bf~"]
y_string_null_escape ["\u0000"]
y_string_one-byte-utf-8 ["\u002d"]
y_string_pi ["π"]
y_string_reservedCharacterInUTF-8_U+1BFFF ["~f0~~9b~~bf~~bf~"]
y_string_simple_ascii ["one "]
y_string_space " "
y_string_surrogates_U+1D11E_MUSICAL_SYMBOL_G_CLEF ["\uD834\uDd1e"]
y_string_three-byte-utf-8 ["\u0831"]
y_string_two-byte-utf-8 ["\u0133"]
y_string_u+2028_line_sep ["~e2~~80~~a8~"]
y_string_u+2029_par_sep ["~e2~~80~~a9~"]
y_string_uEscape ["\u0071\u30af\u30EA\u30b9"]
y_string_uescaped_newline ["one\u000Atwo"]
y_string_unescaped_char_delete ["~7f~"]
y_string_unicode ["\uA76D"]
y_string_unicodeEscapedBackslash ["\u005C"]
y_string_unicode_2 ["⍂㈴⍂"]
y_string_unicode_U+10FFFE_nonchar ["\uDBFF\uDFFE"]
y_string_unicode_U+1FFFE_nonchar ["\uD83F\uDFFE"]
y_string_unicode_U+200B_ZERO_WIDTH_SPACE ["\u200B"]
y_string_unicode_U+2064_invisible_plus ["\u2064"]
y_string_unicode_U+FDD0_nonchar ["\uFDD0"]
y_string_unicode_U+FFFE_nonchar ["\uFFFE"]
y_string_unicode_escaped_double_quote ["\u0022"]
y_string_utf8 ["€𝄞"]
y_string_with_del_character ["x~7f~x"]
y_structure_lonely_false false
y_structure_lonely_int 57
y_structure_lonely_negative_real -0.5
y_structure_lonely_null null
y_structure_lonely_string "one"
y_structure_lonely_true true
y_structure_string_empty ""
y_structure_trailing_newline ["x"]~0a~
y_structure_true_in_array [true]
y_structure_whitespace_array ~20~[] ~20~
n_array_1_true_without_comma [1 true]
n_array_a_invalid_utf8 [x~e5~]
n_array_colon_instead_of_comma ["": 2]
n_array_comma_after_close [""],
n_array_comma_and_number [,2]
n_array_double_comma [3,,4]
n_array_double_extra_comma ["y",,]
n_array_extra_close ["y"]]
n_array_extra_comma ["",]
n_array_incomplete ["y"
n_array_incomplete_invalid_value [y
n_array_inner_array_no_comma [5[6]]
n_array_invalid_utf8 [~ff~]
n_array_items_separated_by_semicolon [3:4]
n_array_just_comma [,]
n_array_just_minus [-]
n_array_missing_value [   , ""]
n_array_newlines_unclosed ["x",~0a~7~0a~,2,
n_array_number_and_comma [2,]
n_array_number_and_several_commas [2,,]
n_array_spaces_vertical_tab_formfeed ["~0b~x"\f]
n_array_star_inside [*]
n_array_unclosed [""
n_array_unclosed_trailing_comma [2,
n_array_unclosed_with_new_lines [2,~0a~2~0a~,2
n_array_unclosed_with_object_inside [{}
n_incomplete_false [fals]
n_incomplete_null [nul]
n_incomplete_true [tru]
n_multidigit_number_then_00 456~00~
n_number_++ [++789]
n_number_+1 [+2]
n_number_+Inf [+Inf]
n_number_-01 [-02]
n_number_-1.0. [-2.0.]
n_number_-2. [-3.]
n_number_-NaN [-NaN]
n_number_.-1 [.-2]
n_number_.2e-3 [.3e-4]
n_number_0.1.2 [0.2.3]
n_number_0.3e [0.4e]
n_number_0.3e+ [0.4e+]
n_number_0.e1 [0.e2]
n_number_0_capital_E [0E]
n_number_0_capital_E+ [0E+]
n_number_0e [0e]
n_number_0e+ [0e+]
n_number_1.0e [2.0e]
n_number_1.0e+ [2.0e+]
n_number_1.0e- [2.0e-]
n_number_1_000 [2 000.0]
n_number_1eE2 [2eE3]
n_number_2.e+3 [3.e+4]
n_number_2.e-3 [3.e-4]
n_number_2.e3 [3.e4]
n_number_9.e+ [8.e+]
n_number_Inf [Inf]
n_number_NaN [NaN]
n_number_U+FF11_fullwidth_digit_one [１]
n_number_expression [2+3]
n_number_hex_1_digit [0x2]
n_number_hex_2_digits [0x43]
n_number_infinity [Infinity]
n_number_invalid+- [0e+-2]
n_number_invalid-negative-real [-456.789foo]
n_number_invalid-utf-8-in-bigger-int [456~e5~]
n_number_invalid-utf-8-in-exponent [2e2~e5~]
n_number_invalid-utf-8-in-int [0~e5~]
n_number_minus_infinity [-Infinity]
n_number_minus_sign_with_trailing_garbage [-bar]
n_number_minus_space_1 [- 2]
n_number_neg_int_starting_with_zero [-034]
n_number_neg_real_without_int_part [-.456]
n_number_neg_with_garbage_at_end [-2y]
n_number_real_garbage_after_e [2eb]
n_number_real_with_invalid_utf8_after_e [2e~e5~]
n_number_real_without_fractional_part [2.]
n_number_starting_with_dot [.456]
n_number_with_alpha [2.3b-4]
n_number_with_alpha_char [2.9123455678901c-10]
n_number_with_leading_zero [034]
n_object_bad_value ["y", truth]
n_object_bracket_key {[: "y"}
n_object_comma_instead_of_colon {"y", null}
n_object_double_colon {"y"::"c"}
n_object_emoji {🙂}
n_object_garbage_at_end {"b":"b" 456}
n_object_key_with_single_quotes {key: 'value'}
n_object_lone_continuation_byte_in_key_and_trailing_comma {"~b9~":"1",}
n_object_missing_colon {"b" c}
n_object_missing_key {:"c"}
n_object_missing_semicolon {"b" "c"}
n_object_missing_value {"b":
n_object_no-colon {"b"
n_object_non_string_key {2:3}
n_object_non_string_key_but_huge_number_instead {8888E8888:2}
n_object_repeated_null_null {null:null,null:null}
n_object_several_trailing_commas {"di":1,,,,,}
n_object_single_quote {'b':1}
n_object_trailing_comma {"di":1,}
n_object_trailing_comment {"b":"c"}/**/
n_object_trailing_comment_open {"b":"c"}/**//
n_object_trailing_comment_slash_open {"b":"c"}//
n_object_trailing_comment_slash_open_incomplete {"b":"c"}/
n_object_two_commas_in_a_row {"b":"c",,"d":"e"}
n_object_unquoted_key {b: "c"}
n_object_unterminated-value {"b":"b
n_object_with_single_string { "foo" : "bar", "b" }
n_object_with_trailing_garbage {"b":"c"}#
n_single_space ~20~
n_string_1_surrogate_then_escape ["\uD801\"]
n_string_1_surrogate_then_escape_u ["\uD801\u"]
n_string_1_surrogate_then_escape_u1 ["\uD801\u2"]
n_string_1_surrogate_then_escape_u1x ["\uD801\u2x"]
n_string_accentuated_char_no_quotes [è]
n_string_backslash_00 ["\~00~"]
n_string_escape_x ["\x01"]
n_string_escaped_backslash_bad ["\\\"]
n_string_escaped_ctrl_char_tab ["\~09~"]
n_string_escaped_emoji ["\🙂"]
n_string_incomplete_escape ["\"]
n_string_incomplete_escaped_character ["\u00B"]
n_string_incomplete_surrogate ["\uD835\uDe"]
n_string_incomplete_surrogate_escape_invalid ["\uD801\uD801\y"]
n_string_invalid-utf-8-in-escape ["\u~e5~"]
n_string_invalid_backslash_esc ["\b\c"]
n_string_invalid_unicode_escape ["\urrrr"]
n_string_invalid_utf8_after_escape ["\~e5~"]
n_string_leading_uescaped_thinspace [\u2009"one"]
n_string_no_quotes_with_bad_escape [\t]
n_string_single_doublequote "
n_string_single_quote ['one quote']
n_string_single_string_no_double_quotes bcd
n_string_start_escape_unclosed ["\
n_string_unescaped_ctrl_char ["b~00~b"]
n_string_unescaped_newline ["one~0a~two"]
n_string_unescaped_tab ["~09~"]
n_string_unicode_CapitalU "\UB66D"
n_string_with_trailing_garbage ""y
n_structure_U+2060_word_joined [~e2~~81~~a0~]
n_structure_UTF8_BOM_no_data ~ef~~bb~~bf~
n_structure_angle_bracket_. <.>
n_structure_angle_bracket_null [<null>]
n_structure_array_trailing_garbage [2]y
n_structure_array_with_extra_array_close [2]]
n_structure_array_with_unclosed_string ["one]
n_structure_ascii-unicode-identifier bå
n_structure_capitalized_True [True]
n_structure_close_unopened_array 2]
n_structure_comma_instead_of_closing_brace {"y": true,
n_structure_double_array [][]
n_structure_end_array ]
n_structure_incomplete_UTF8_BOM ~ef~~bb~{}
n_structure_lone-invalid-utf-8 ~e5~
n_structure_lone-open-bracket [
n_structure_no_data
n_structure_null-byte-outside-string [~00~]
n_structure_number_with_trailing_garbage 3@
n_structure_object_followed_by_closing_object {}}
n_structure_object_unclosed_no_value {"":
n_structure_object_with_comment {"b":/*comment*/"c"}
n_structure_object_with_trailing_garbage {"b": true} "y"
n_structure_open_array_apostrophe ['
n_structure_open_array_comma [,
n_structure_open_array_open_object [{
n_structure_open_array_open_string ["b
n_structure_open_array_string ["b"
n_structure_open_object {
n_structure_open_object_close_array {]
n_structure_open_object_comma {,
n_structure_open_object_open_array {[
n_structure_open_object_open_string {"b
n_structure_open_object_string_with_apostrophes {'b'
n_structure_open_open ["\{["\{["\{["\{
n_structure_single_eacute é
n_structure_single_star *
n_structure_trailing_# {"b":"c"}#{}
n_structure_uescaped_LF_before_string [\u000A""]
n_structure_unclosed_array [2
n_structure_unclosed_array_partial_null [ false, nul
n_structure_unclosed_array_unfinished_false [ true, fals
n_structure_unclosed_array_unfinished_true [ false, tru
n_structure_unclosed_object {"one":"one"
n_structure_unicode-identifier å
n_structure_whitespace_U+2060_word_joiner ~e2~~81~~a0~
n_structure_whitespace_formfeed [~0c~]
"""


def cases():
    """Bytes by name."""
    found = {}
    for line in TEXTS.strip().split("\n"):
        name, _, text = line.partition(" ")
        found[name] = re.sub(rb"~([0-9a-f]{2})~", lambda match: bytes([int(match[1], 16)]), text.encode())
    found["n_structure_100000_opening_arrays"] = b"[" * 100_000
    found["n_structure_open_array_object"] = b'[{"":' * 50_000
    return found
