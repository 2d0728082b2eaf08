"""Intake: from uploads to nbgrader's submitted/ID/ASSIGNMENT/.

The steps, in the order in which an upload passes them. Each imports only earlier ones.

    archive         read a zip without trusting it
    platforms       a download of Moodle or Canvas, or a folder, as a list of uploads
    file_names      compare file names without copy marks and a platform's prefix
    upload_files    the files of an upload: a zip, a folder, single files
    notebook        read a notebook in any form, match it to the released one, repair it
    expected        recognise the files that an assignment asks for, and the work in them
    owners          the student or group of an upload
    records         the record of each upload, in the journal
    times           the times of handing in, and the late rules
    attempts        uploads that belong together, and the one that counts
    selection       the file for each expected name
    settle          the notebook in its place, one that nbgrader can read
    written         the PDF of the written part, and empty answers
    history         the submissions that an intake replaces
    receive         all of this for a folder of uploads
    cli             the command `autograder restore`
"""
