<?php
// Imports questions for Moodle by Moodle's own importer, and answers them by its own question engine.
//
//     php tools/moodle_import.php MOODLE COURSEID FILE...
//
// MOODLE is the folder with the config.php of a Moodle for testing: the questions stay in its question bank.
// COURSEID is the number in the address of a course. Run it as the user of the web server. It ends with 1 if
// anything is not as it should be.

define('CLI_SCRIPT', true);
if ($argc < 4 || !is_file("$argv[1]/config.php")) {
    fwrite(STDERR, "Usage: php moodle_import.php MOODLE COURSEID FILE...\nMOODLE contains a config.php.\n");
    exit(2);
}
$files = array_map('realpath', array_slice($argv, 3));
$courseid = (int) $argv[2];
require($argv[1] . '/config.php');
require_once($CFG->libdir . '/questionlib.php');
require_once($CFG->dirroot . '/question/format.php');
require_once($CFG->dirroot . '/question/format/xml/format.php');
\core\session\manager::set_user(get_admin());

/** Imports a file and returns the ids of the new questions, in the order of the file. */
function imported(string $file, stdClass $course): array {
    $context = context_course::instance($course->id);
    $importer = new qformat_xml();
    $importer->setContexts([$context]);
    $importer->setCategory(question_make_default_categories([$context]));
    $importer->setCourse($course);
    $importer->setFilename($file);
    $importer->setRealfilename(basename($file));
    $importer->setMatchgrades('error');
    $importer->setCatfromfile(1);
    $importer->setContextfromfile(0);
    $importer->setStoponerror(1);
    $importer->set_display_progress(false);
    ob_start();
    $done = $importer->importpreprocess() && $importer->importprocess() && $importer->importpostprocess();
    $said = trim(strip_tags(ob_get_clean()));
    if (!$done || $importer->importerrors) {
        fwrite(STDERR, "$file was not imported. $said\n");
        exit(1);
    }
    return $importer->questionids;
}

/** Returns the fraction and the feedback for an answer that a student types, or null if it is refused. */
function graded(question_definition $question, string $typed): ?array {
    $response = ['answer' => str_replace('.', get_string('decsep', 'langconfig'), $typed)];
    if (!$question->is_complete_response($response) || $question->get_validation_error($response)) {
        return null;
    }
    [$fraction] = $question->grade_response($response);
    [$value, , $multiplier] = array_pad($question->ap->apply_units($response['answer']), 3, null);
    return [(float) $fraction, $question->get_matching_answer($value, $multiplier)->feedback];
}

$course = get_course($courseid);
$count = array_fill_keys(['imported', 'right answers accepted', 'mistakes named', 'other numbers'], [0, 0]);
foreach ($files as $file) {
    $started = microtime(true);
    $expected = array_values(array_filter(
        iterator_to_array(simplexml_load_file($file, 'SimpleXMLElement', LIBXML_PARSEHUGE)->question, false),
        fn($question) => (string) $question['type'] === 'numerical'
    ));
    $ids = imported($file, $course);
    $count['imported'][0] += count($ids);
    $count['imported'][1] += count($expected);
    foreach (array_slice($ids, 0, count($expected)) as $place => $id) {
        $question = question_bank::load_question($id);
        $question->start_attempt(new question_attempt_step(), 1);
        foreach ($expected[$place]->answer as $answer) {
            $right = (int) $answer['fraction'] === 100;
            $other = (string) $answer->text === '*';
            $kind = $right ? 'right answers accepted' : ($other ? 'other numbers' : 'mistakes named');
            $found = graded($question, $other ? '987654321' : (string) $answer->text);
            $same = $found === [$right ? 1.0 : 0.0, (string) $answer->feedback->text];
            $count[$kind][0] += (int) $same;
            $count[$kind][1]++;
            if (!$same) {
                fwrite(STDERR, "{$question->name}: {$answer->text} gets " . json_encode($found) . "\n");
            }
        }
    }
    printf("%s: %.0f s, at most %.0f MB of memory\n", basename($file), microtime(true) - $started,
        memory_get_peak_usage(true) / 1e6);
}
echo "Moodle $CFG->release, language " . current_language() . "\n";
foreach ($count as $kind => [$good, $all]) {
    echo "$kind: $good of $all\n";
}
exit((int) (array_filter($count, fn($pair) => $pair[0] !== $pair[1]) !== []));
