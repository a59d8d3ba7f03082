<?php
// The bundled example in PHP, without any framework; every path comes here ("script").
//
// /        the request as the application sees it
// /stream  a page that arrives line by line
// /upload  a form that takes a file and a note
declare(strict_types=1);

const STYLE = <<<'CSS'
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
nav a { margin-right: 1rem }
table { border-collapse: collapse; width: 100%; font: 14px/1.6 ui-monospace, monospace }
td { border-top: 1px solid #8884; padding: .15rem .5rem; vertical-align: top;
     overflow-wrap: anywhere }
td:first-child { white-space: nowrap; opacity: .7 }
CSS;

function text(mixed $value): string
{
    return htmlspecialchars(is_scalar($value) ? (string) $value : (string) json_encode($value));
}

function begin(string $title): void
{
    header('Content-Type: text/html; charset=utf-8');
    echo '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>', text($title),
        '</title><style>', STYLE, '</style></head><body><nav><a href="/">Request</a>',
        '<a href="/stream">Stream</a><a href="/upload">Upload</a></nav><h1>', text($title), "</h1>\n";
}

function finish(): void
{
    echo "</body></html>\n";
}

function show_request(): void
{
    begin(getenv('GREETING') ?: 'Hello');
    echo '<p>PHP ', PHP_VERSION, ', answered by process ', getmypid(), '. Reload: it changes.</p><table>';
    $facts = array_diff_key($_SERVER, getenv()); // the process's environment may hold secrets
    ksort($facts);
    foreach ($facts as $name => $value) {
        echo '<tr><td>', text($name), '</td><td>', text($value), "</td></tr>\n";
    }
    echo '</table><h2>Next</h2><ul>',
        '<li>Send more: <code>curl -H "X-Mine: 1" "http://', text($_SERVER['HTTP_HOST'] ?? 'localhost'),
        '/any/path?a=b"</code>; every path comes to this script</li>',
        '<li>Change <code>', text(__FILE__), '</code> (or a copy of it that the configuration names): ',
        'the next request runs what is there then</li>',
        '<li>Change <code>GREETING</code> or <code>processes</code> in the configuration, then ',
        '<code>patchbayctl diff</code> and <code>patchbayctl reload</code></li>',
        '<li>A site of files: drop <code>script</code> and let <code>root</code> be its directory</li></ul>';
    finish();
}

function stream(): void
{
    begin('A page that takes its time');
    echo '<p>Each line is sent when it is made. The other process answers meanwhile.</p><ol>';
    for ($i = 0; $i < 10; $i++) {
        echo '<li>', date('H:i:s'), "</li>\n";
        while (ob_get_level() > 0) {
            ob_end_flush();
        }
        flush();
        usleep(500_000);
    }
    echo '</ol>';
    finish();
}

// PHP has written the file to its directory of uploads, and removes it after the request.
function show_upload(array $file, string $note): void
{
    if ($file['error'] !== UPLOAD_ERR_OK) {
        $why = match ($file['error']) {
            UPLOAD_ERR_INI_SIZE => 'it is larger than upload_max_filesize, '
                . ini_get('upload_max_filesize'),
            UPLOAD_ERR_NO_FILE => 'no file was chosen',
            default => 'PHP says error ' . $file['error'],
        };
        http_response_code(400);
        echo '<p>Nothing came: ', text($why), '.</p>';
        return;
    }
    echo '<p>Got <b>', text($file['name']), '</b>: ', number_format($file['size']), ' bytes, SHA-256 <code>',
        hash_file('sha256', $file['tmp_name']), '</code></p>';
    if ($note !== '') {
        echo '<p>Your note: ', text($note), '</p>';
    }
}

function upload(): void
{
    begin('Upload');
    if ($_SERVER['REQUEST_METHOD'] === 'POST') {
        $none = ['error' => UPLOAD_ERR_NO_FILE];
        $file = $_FILES['file'] ?? $none;
        $note = $_POST['note'] ?? '';
        show_upload(is_array($file['error']) ? $none : $file, is_string($note) ? $note : '');
    }
    echo '<form method="post" enctype="multipart/form-data"><p><input type="file" name="file"></p>',
        '<p><input name="note" placeholder="A note"> <button>Send</button></p></form>',
        '<p>Up to ', text(ini_get('upload_max_filesize')), ': the smallest of PHP\'s ',
        '<code>upload_max_filesize</code> and <code>post_max_size</code> and of the server\'s ',
        '<code>max_body_size</code>.</p>';
    finish();
}

switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
    case '/':
        show_request();
        break;
    case '/stream':
        stream();
        break;
    case '/upload':
        upload();
        break;
    default:
        http_response_code(404);
        begin('Not here');
        echo '<p>There is no such page.</p>';
        finish();
}
